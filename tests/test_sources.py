"""Every source leaves the same three zips; a source without them says what it looked for."""

import json
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, TEST, TRAINING, command, download_options

from galaxy.core import competition, files, source_info
from galaxy.core.errors import GalaxyError
from galaxy.ingest import archives, download


def test_simulated_files_pass_the_checks_and_say_that_they_are_simulated(raw: Path):
    content = source_info.read(raw)
    assert content["source"] == "simulated"
    assert (content["training_galaxies"], content["test_galaxies"]) == (TRAINING, TEST)
    assert not content["complete_competition"]
    for archive in competition.ARCHIVES:
        assert content["sha256"][archive] == files.sha256(competition.zip_path(raw, archive))


def test_local_zips_are_copied_byte_for_byte(raw: Path, tmp_path: Path):
    download.download(download_options("local", raw), tmp_path)
    for archive in competition.ARCHIVES:
        copied, source = (competition.zip_path(folder, archive) for folder in (tmp_path, raw))
        assert copied.read_bytes() == source.read_bytes()
        assert copied.stat().st_ino != source.stat().st_ino  # DVC makes its outs read-only: never the user's own file
    assert json.loads((tmp_path / "source.json").read_text())["source"] == "local"


@pytest.mark.parametrize("solutions_in", ["training_solutions_rev1", "."])
def test_unpacked_folders_are_packed(raw: Path, tmp_path: Path, solutions_in: str):
    unpacked = tmp_path / "unpacked"
    for archive in competition.ARCHIVES:
        where = unpacked / solutions_in if archive == competition.SOLUTIONS else unpacked
        with zipfile.ZipFile(competition.zip_path(raw, archive)) as opened:
            opened.extractall(where)
    (unpacked / "images_test_rev1" / ".DS_Store").write_bytes(b"")
    download.download(download_options("local", unpacked), tmp_path / "a")
    download.download(download_options("local", unpacked), tmp_path / "b")
    for archive in competition.ARCHIVES:
        packed, again = (competition.zip_path(tmp_path / folder, archive) for folder in "ab")
        assert packed.read_bytes() == again.read_bytes()
    members = archives.image_members(competition.zip_path(tmp_path / "a", competition.TRAINING_IMAGES))
    original = archives.image_members(competition.zip_path(raw, competition.TRAINING_IMAGES))
    assert members.keys() == original.keys()


def test_an_absent_folder_and_absent_files_are_named(raw: Path, tmp_path: Path):
    with pytest.raises(GalaxyError, match="no such folder; give the folder that holds the zips"):
        download.download(download_options("local", tmp_path / "nowhere"), tmp_path / "out")
    (tmp_path / "some").mkdir()
    competition.zip_path(tmp_path / "some", competition.TRAINING_IMAGES).symlink_to(
        competition.zip_path(raw, competition.TRAINING_IMAGES)
    )
    with pytest.raises(GalaxyError, match=r"neither images_test_rev1\.zip nor the folder images_test_rev1"):
        download.download(download_options("local", tmp_path / "some"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_broken_zip_is_named_where_the_user_has_it_and_nothing_stays(raw: Path, tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    for archive in competition.ARCHIVES:
        content = competition.zip_path(raw, archive).read_bytes()
        cut = len(content) // 2 if archive == competition.TEST_IMAGES else len(content)
        competition.zip_path(source, archive).write_bytes(content[:cut])
    with pytest.raises(GalaxyError) as error:
        download.download(download_options("local", source), tmp_path / "out")
    assert str(error.value).startswith(f"{source / 'images_test_rev1.zip'} is not a whole zip file")
    assert not (tmp_path / "out").exists()


def test_a_stage_without_its_input_says_which_stages_to_run(tmp_path: Path):
    for name in ("galaxy", "stages", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    failed = command("python", "-m", "stages.split", folder=tmp_path, check=False)
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: data/preprocessed/training.csv: no such file; run the stages before this one (dvc repro)\n"
    )
