"""The submission has Kaggle's header, order and number format, and the validator finds what has not."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, command

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.inference import submission
from galaxy.ingest import archives


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    ids = np.array([100018, 100037, 100042])
    predicted = np.random.default_rng(0).uniform(-0.01, 1.01, (3, 37))
    path = tmp_path / "submission.csv"
    submission.write(path, ids, predicted)
    return path, ids, predicted


def test_what_is_written_is_valid_and_clipped(written):
    path, ids, predicted = written
    assert submission.validate(path, ids) == 3
    values = np.loadtxt(path, delimiter=",", skiprows=1)
    assert np.array_equal(values[:, 0], ids)
    assert np.allclose(values[:, 1:], np.clip(predicted, 0, 1), atol=1e-9)


def test_header_line_ends_and_ids_are_the_official_files(written, real: Path):
    with archives.open_zip(real / "central_pixel_benchmark.zip") as archive:
        official = archive.read("central_pixel_benchmark.csv")
    ours = written[0].read_bytes()
    assert ours.split(b"\n")[0] == official.split(b"\n")[0]
    assert [line.split(b",")[0] for line in ours.split(b"\r\n")[:4]] == [
        line.split(b",")[0] for line in official.split(b"\r\n")[:4]
    ]
    decimals = max(len(value.partition(b".")[2]) for value in official.split(b"\r\n")[1].split(b","))
    assert len(ours.split(b"\r\n")[1].split(b",")[1].partition(b".")[2]) == decimals


def test_the_official_benchmark_is_valid(real: Path):
    assert submission.validate(real / "central_pixel_benchmark.zip") == 79_975


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Class1.1", "Class1.01", "missing: Class1.1; unknown: Class1.01"),
        ("Class1.1,Class1.2", "Class1.2,Class1.1", "reorder them"),
        ("100037", "100018", "GalaxyID 100018 for the second time"),
        ("100037", "100038", "galaxy 100037: no row"),
        ("100037", "100038", "galaxy 100038: not a test galaxy"),
        ("100037,", "100037,1.5", "row 3: Class1.1 is '1.5"),
        ("100037,", "100037,-", "row 3: Class1.1 is '-"),
        ("100037,", "100037,x", "row 3: Class1.1 is 'x"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(written, old: str, new: str, message: str):
    path, ids, _ = written
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(GalaxyError) as error:
        submission.validate(path, ids)
    assert message in str(error.value)


def test_a_missing_row_is_named(written):
    path, ids, _ = written
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    with pytest.raises(GalaxyError, match="galaxy 100042: no row"):
        submission.validate(path, ids)


def test_the_validator_works_alone(written, tmp_path: Path):
    path, ids, _ = written
    images = tmp_path / "images_test_rev1.zip"
    with zipfile.ZipFile(images, "w") as archive:
        for galaxy_id in ids:
            archive.writestr(f"images_test_rev1/{galaxy_id}.jpg", b"")
    validator = ("python", "-m", "galaxy.inference.submission")
    assert "valid, 3 rows, one for each test image" in command(*validator, path, images, folder=ROOT).stdout
    path.write_text(path.read_text().replace("100042", "100043"))
    failed = command(*validator, path, images, folder=ROOT, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"error: {path}: rows and test galaxies do not match")
    absent = command(*validator, tmp_path / "no.csv", folder=ROOT, check=False)
    assert absent.stderr == f"error: {tmp_path / 'no.csv'}: no such file\n"


def test_a_submission_may_be_gzipped_or_zipped_and_a_damaged_one_is_named(written, tmp_path: Path):
    path, ids, _ = written
    packed = tmp_path / "submission.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert submission.validate(packed, ids) == 3
    with zipfile.ZipFile(tmp_path / "submission.zip", "w") as archive:
        archive.write(path, "submission.csv")
    assert submission.validate(tmp_path / "submission.zip", ids) == 3
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(GalaxyError, match=r"submission\.csv\.gz cannot be read: Compressed file ended"):
        submission.validate(packed)
    with pytest.raises(GalaxyError, match=r"cannot be read: .*Is a directory"):
        submission.validate(tmp_path)


def test_every_column_is_there(written):
    assert written[0].read_text().splitlines()[0].split(",")[1:] == list(decision_tree.COLUMNS)
