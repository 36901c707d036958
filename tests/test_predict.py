"""Predicting anybody's images: every format and size, and what cannot be read is named."""

import gzip
import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from conftest import TEST, command
from PIL import Image

from galaxy import cli
from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.data import test_time_views
from galaxy.data.galaxies import Galaxies
from galaxy.inference import find_images, predictor, read_ahead, tree_figure
from galaxy.inference.read_image import Crop, Reader
from galaxy.ingest import archives, formats
from galaxy.ingest.decode import BadImageError
from galaxy.models import saved
from galaxy.models.network import build_network
from galaxy.models.predict import predict

WHOLE = Reader(Crop(1.0), 64)


def galaxy_picture(side: int = 128) -> np.ndarray:
    """A smooth colour picture, H×W×3 uint8, RGB."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = np.exp(-3 * (x**2 + 2 * y**2))
    return np.rint(light[..., None] * (250, 200, 120)).astype(np.uint8)


def encoded(picture: np.ndarray, suffix: str) -> bytes:
    """A picture (RGB or RGBA) in a format of OpenCV's."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    return cv2.imencode(suffix, picture)[1].tobytes()


def fits_file(planes: np.ndarray | None, compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    if compressed:
        units = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(planes)])
    else:
        units = fits.HDUList([fits.PrimaryHDU(planes)])
    units.writeto(buffer)
    return buffer.getvalue()


def light(side: int = 40) -> np.ndarray:
    return np.random.default_rng(0).gamma(1.0, 0.2, (3, side, side)).astype(np.float32)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["galaxy", *map(str, words)])
    cli.main()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with the same galaxy in four formats."""
    folder = tmp_path / "images"
    (folder / "more").mkdir(parents=True)
    picture = galaxy_picture()
    for name in ("a.png", "b.tif", "more/c.jpg"):
        (folder / name).write_bytes(encoded(picture, Path(name).suffix))
    (folder / "more/d.fits").write_bytes(fits_file(light()))
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def test_the_competitions_own_images_are_seen_as_the_pipeline_sees_them(raw: Path, preprocessed: Path, model: Path):
    sources = find_images.find([competition.zip_path(raw, competition.TEST_IMAGES)])
    packed = Galaxies.open(preprocessed, "test")
    assert [Path(source.name).stem for source in sources] == [str(i) for i in packed.ids]
    loaded = predictor.load(model)
    pixels, problems, warned = read_ahead.read_images(sources, loaded.readers(predictor.Options())[0], strict=True)
    assert np.array_equal(pixels, packed.images)
    assert problems == warned == {}
    table, _ = loaded.predict_readable(sources, predictor.Options(views=8), strict=True)
    expected = predict(next(iter(loaded.networks.values())), packed.images, 64, views=test_time_views.of_number(8))
    assert np.array_equal(table[list(decision_tree.COLUMNS)].to_numpy(), expected)


def test_a_folder_a_glob_a_zip_and_a_csv_name_the_same_images(images: Path, tmp_path: Path):
    found = [source.name for source in find_images.find([images])]
    assert found == [str(images / name) for name in ("a.png", "b.tif", "more/c.jpg", "more/d.fits")]
    assert sorted(s.name for s in find_images.find([f"{images}/**/*.*"])) == found
    assert [s.name for s in find_images.find([*found, images])] == found  # each once
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in found:
            archive.write(name, Path(name).relative_to(images))
        archive.writestr("__MACOSX/a.png", b"")
    assert [s.read() for s in find_images.find([tmp_path / "all.zip"])] == [Path(name).read_bytes() for name in found]
    pd.DataFrame({"path": ["images/a.png", found[1]]}).to_csv(tmp_path / "list.csv", index=False)
    assert [s.name for s in find_images.find([tmp_path / "list.csv"])] == found[:2]


def test_inputs_without_an_image_are_refused_by_name(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("name\na.png\n")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    for given, message in (
        ([], "no images given"),
        ([tmp_path / "empty"], f"{tmp_path / 'empty'}: no image there; images end in .jpg"),
        ([tmp_path / "*.png"], "*.png': no image there"),
        ([tmp_path / "list.csv"], "no column 'path' with the images' paths; it has name"),
        ([tmp_path / "broken.zip"], "is not a whole zip file"),
    ):
        with pytest.raises(GalaxyError) as error:
            find_images.find(given)
        assert message in str(error.value)


def test_depth_alpha_and_format_do_not_change_what_is_seen():
    picture = galaxy_picture()
    expected = WHOLE("a.png", encoded(picture, ".png")).pixels.astype(int)
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    for name, data in {
        "16 bit.png": encoded(picture.astype(np.uint16) * 257, ".png"),
        "16 bit.tiff": encoded(picture.astype(np.uint16) * 257, ".tiff"),
        "opaque.png": encoded(opaque, ".png"),
        "8 bit.tif": encoded(picture, ".tif"),
    }.items():
        assert np.abs(WHOLE(name, data).pixels - expected).max() <= 1, name
    assert np.abs(WHOLE("a.jpg", encoded(picture, ".jpg")).pixels - expected).mean() < 2
    transparent = np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)])
    transparent[:64, :, 3] = 255
    seen = WHOLE("a.png", encoded(transparent, ".png")).pixels
    assert np.abs(seen[:32] - expected[:32]).max() <= 1
    assert seen[32:].max() == 0


def test_a_grey_image_becomes_three_equal_colours():
    for data in (encoded(galaxy_picture()[..., 0], ".png"), encoded(galaxy_picture()[..., 0], ".jpg")):
        seen = WHOLE("grey", data).pixels
        assert seen.shape == (64, 64, 3)
        assert np.ptp(seen, axis=2).max() == 0
        assert seen.max() > 200


def test_an_image_of_another_size_is_cropped_by_the_fraction_of_the_training_images():
    reader = Reader(Crop.of_training(212), 64)
    small, large = (reader("a.png", encoded(galaxy_picture(side), ".png")).pixels.astype(int) for side in (424, 848))
    assert np.abs(small - large).max() <= 3
    wide = np.pad(galaxy_picture(424), ((0, 0), (100, 100), (0, 0)))
    assert np.array_equal(reader("a.png", encoded(wide, ".png")).pixels, small)


@pytest.mark.parametrize(
    ("text", "side"),
    [("100", 100), ("10", 10), ("0.5", 150), (".5", 150), ("1", 300), ("1.0", 300), ("0.333", 100)],
)
def test_a_crop_is_pixels_or_a_fraction_of_the_shorter_side(text: str, side: int):
    assert Crop.parse(text).side(400, 300) == side


@pytest.mark.parametrize("text", ["0", "-1", "5", "1.5", "50%", "nan", "inf", "", "1e9"])
def test_a_crop_that_is_neither_is_refused(text: str):
    with pytest.raises(GalaxyError, match="it may be a number of pixels"):
        Crop.parse(text)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.png", b"", "no readable image (0 bytes)"),
        ("a.jpg", b"\xff\xd8\xff\xe0 and so on", "no readable image"),
        ("a.png", encoded(galaxy_picture(), ".png")[:-500], "damaged or truncated"),
        ("a.jpg", encoded(galaxy_picture(), ".jpg")[:-500], "truncated"),
        ("a.tif", encoded(galaxy_picture(), ".tif")[:-500], "damaged TIFF"),
        ("a.tif", encoded(galaxy_picture()[..., 0].astype(np.float32), ".tif"), "1 samples of 32 bits (float)"),
        ("a.png", encoded(galaxy_picture(8), ".png"), "8×8 pixels, too small"),
        ("a.fits", b"SIMPLE", "no readable FITS file"),
        ("a.fits", fits_file(light())[:-3000], "no readable FITS file"),
        ("a.fits.gz", gzip.compress(fits_file(light()))[:-3000], "no readable FITS file"),
        ("a.fits", fits_file(None), "no image with 2 or 3 axes"),
        ("a.fits", fits_file(np.zeros((4, 20, 20))), "4 planes; one, or three"),
        ("a.fits", fits_file(np.full((20, 20), np.nan)), "no pixel has a value"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_used_says_why(name: str, data: bytes, message: str):
    with pytest.raises(BadImageError) as error:
        WHOLE(name, data)
    assert message in str(error.value)


def test_a_huge_image_is_refused_before_it_fills_the_memory():
    whole = encoded(galaxy_picture(), ".png")
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + whole[24:29]
    header += struct.pack(">I", zlib.crc32(header))
    with pytest.raises(BadImageError, match="too many pixels"):
        WHOLE("a.png", whole[:12] + header + whole[33:])


def test_a_crop_larger_than_the_image_is_that_images_problem():
    with pytest.raises(BadImageError, match="40×40 pixels, too small for a crop of 50"):
        Reader(Crop.parse("50"), 64)("a.fits", fits_file(light()))


def test_unreadable_images_are_named_and_left_out_and_the_command_fails(
    images: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (images / "bad.png").write_bytes(b"no image")
    out, figures = tmp_path / "out.csv", tmp_path / "figures"
    (tmp_path / "list.csv").write_text("path\nimages/a.png\nimages/gone.png\n")
    given = (images, tmp_path / "list.csv")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "predict", *given, "--model", model, "--out", out, "--figure", figures)
    assert stop.value.code == (f"error: 2 of 7 images cannot be read (named above); the others are in {out}")
    said = capsys.readouterr()
    assert f"left out: {images / 'bad.png'}: no readable image (8 bytes)" in said.err
    assert f"left out: {images / 'gone.png'}: No such file or directory" in said.err
    assert "(trained on simulated galaxies)" in said.out
    table = pd.read_csv(out)
    assert list(table.columns) == ["path", "file", *decision_tree.COLUMNS, "warning"]
    assert [Path(name).name for name in table["file"]] == ["a.png", "b.tif", "c.jpg", "d.fits", "a.png", "gone.png"]
    assert list(table["path"].dropna()) == ["images/a.png", "images/gone.png"]  # each row of the list has one here
    doubtful, unreadable = table["warning"].dropna()
    assert doubtful.startswith("the header does not name the bands; the planes were taken as g, r, i")
    assert f"warning: {images / 'more/d.fits'}: {doubtful}" in said.err
    assert unreadable == "cannot be read: No such file or directory"
    assert table[list(decision_tree.COLUMNS)].isna().all(axis=1).tolist() == [*5 * [False], True]
    table = table[table["warning"] != unreadable]
    for _, excess in archives.tree_sums(table[list(decision_tree.COLUMNS)].to_numpy()):
        assert np.abs(excess).max() < 1e-5
    *folder, second = sorted(path.name for path in figures.iterdir())
    assert folder == ["a.png", "b.png", "c.png", "d.png"]
    assert second.endswith("_images_a.png")
    with Image.open(figures / "a.png") as figure:
        assert figure.size == (1700, 650)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--strict"],
            f"bad.png: no readable image (8 bytes): text; accepted: {formats.ACCEPTED}; fix it or leave it out",
        ),
        (["--views", "0"], "views is 0; it may be 1 to 360"),
        (["--crop", "1.5"], "crop is '1.5'"),
        (["--batch-size", "0"], "batch size is 0; it must be 1 or more"),
        (["--fits-scale", "-1"], "the scale of FITS pixels is -1; it must be above 0"),
        (["--model", "nowhere"], "nowhere: no such folder; run dvc repro, or name a model's folder (--model FOLDER)"),
    ],
)
def test_what_is_wrong_stops_the_command_before_anything_is_written(
    images: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
):
    (images / "bad.png").write_bytes(b"no image")
    out = tmp_path / "out.csv"
    with pytest.raises(SystemExit, match=r"^error: ") as stop:
        run(monkeypatch, "predict", images, "--model", model, "--out", out, *words)
    assert message in str(stop.value.code)
    assert not list(tmp_path.glob("*out.csv*"))


def test_without_any_readable_image_nothing_is_written(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(SystemExit, match=r"none of the 1 images can be read; .*bad.png: no readable image"):
        run(monkeypatch, "predict", tmp_path / "bad.png", "--model", model, "--out", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.png"]


AT_ONCE = """
import sys
from galaxy import cli
for words in ("predict gone.png gone/", "predict images --model gone", "predict images --model images",
              "predict images", "predict list.csv", "export gone x.onnx", "export models/cnn x.onnx --check gone.png"):
    sys.argv = ["galaxy", *words.split()]
    try:
        cli.main()
    except SystemExit as stop:
        print(stop.code)
print("torch" in sys.modules)
"""


def test_what_is_absent_is_named_before_torch_is_imported(images: Path, model: Path, tmp_path: Path):
    """The last model is one that DVC has removed because its stage runs."""
    (tmp_path / "list.csv").write_text("path\na.png\nb.png\n")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluate.json").write_text('{"best": "resnet"}')
    (tmp_path / "models").symlink_to(model.parent)
    said = command(sys.executable, "-c", AT_ONCE, folder=tmp_path).stdout.splitlines()
    advice = (
        "run dvc repro, or name a model's folder (--model FOLDER); if a training is running, wait until it ends, "
        "because DVC removes a model before it trains it again"
    )
    assert said == [
        "error: gone.png, gone/: no such file or folder",
        f"error: gone: no such folder; {advice}",
        f"error: images: no model.json in it; {advice}",
        f"error: no trained model here ({tmp_path}): metrics/evaluate.json and models do not name one; {advice}",
        "error: list.csv: none of its images exists, such as a.png; paths start from the CSV's folder",
        f"error: gone: no such folder; {advice}",
        "error: gone.png: no such file or folder",
        "False",
    ]


def test_the_projects_best_model_is_taken_where_none_is_named(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GalaxyError, match=r"no trained model here .*; run dvc repro, or name a model's folder"):
        predictor.load()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluate.json").write_text('{"best": "cnn"}')
    (tmp_path / "models").symlink_to(model.parent)
    assert list(predictor.load().networks) == ["models/cnn"]


def test_several_models_predict_their_mean(model: Path, images: Path, tmp_path: Path):
    network, card = saved.load(model)
    with_other_weights = build_network(network.spec.model_copy(update={"size": 48}))
    saved.save(tmp_path / "other", with_other_weights, {key: card[key] for key in ("params", "metrics", "data")})
    tables = [
        predictor.load(*folders).predict(images)[list(decision_tree.COLUMNS)].to_numpy()
        for folders in ([model], [tmp_path / "other"], [model, tmp_path / "other"])
    ]
    assert np.allclose(tables[2], (tables[0] + tables[1]) / 2, atol=1e-6)
    assert not np.allclose(tables[0], tables[1], atol=1e-3)


def test_figures_of_images_of_one_name_do_not_overwrite_each_other():
    names = ["a/x.png", "b/x.png", "b/x.jpg", "a.zip/dir/my galaxy.fits.gz"]
    assert tree_figure.file_names(names) == ["x.png", "b_x.png", "b_x-2.png", "my_galaxy.png"]


def test_python_needs_two_lines(model: Path, raw: Path, tmp_path: Path):
    archive = competition.zip_path(raw, competition.TEST_IMAGES)
    code = f"from galaxy import load\ntable = load({str(model)!r}).predict({str(archive)!r})\nprint(table.shape)"
    assert command("python", "-c", code, folder=tmp_path).stdout == f"({TEST}, 39)\n"


def test_help_does_not_wait_for_torch(tmp_path: Path):
    code = "import sys, galaxy.cli; galaxy.cli.parser(); print(sorted({'torch', 'cv2', 'pandas'} & set(sys.modules)))"
    assert command("python", "-c", code, folder=tmp_path).stdout == "[]\n"
    assert "galaxy predict my_images/" in command("galaxy", "predict", "--help", folder=tmp_path).stdout


def test_without_astropy_fits_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "astropy.io", None)
    with pytest.raises(GalaxyError, match=r'FITS needs astropy; run `pip install "galaxy-zoo-pipeline\[fits\]"`'):
        WHOLE("a.fits", fits_file(light()))


def test_a_zip_that_was_replaced_is_read_anew(tmp_path: Path):
    """The processes that read images stay, and so do the zips that they have open."""
    path = tmp_path / "images.zip"
    for content in (b"first", b"second", b"third "):
        new = tmp_path / "new.zip"
        with zipfile.ZipFile(new, "w") as archive:
            archive.writestr("a.jpg", content)
        new.replace(path)
        assert find_images.find([path])[0].read() == content
