"""What `galaxy predict` is given and where it writes: lists, folders, arrays, outputs."""

import gzip
import io
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import command
from PIL import Image

from galaxy import cli
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.inference import find_images, predictor, stream, tree_figure

COLUMNS = list(decision_tree.COLUMNS)


def picture(shade: int) -> np.ndarray:
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    light = np.exp(-3 * (x**2 + 2 * y**2))
    return np.rint(light[..., None] * (shade, 200, 120)).astype(np.uint8)


def save(path: Path, shade: int, kind: str = "PNG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(shade)).save(path, kind)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a.png and b.png in images/."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "images/a.png", 250)
    save(tmp_path / "images/b.png", 50)
    return tmp_path


@pytest.fixture(scope="session")
def loaded(model: Path) -> predictor.Predictor:
    return predictor.load(model)


def run(monkeypatch: pytest.MonkeyPatch, model: Path, *words: object) -> str:
    """Run `galaxy predict`; return how it ends."""
    monkeypatch.setattr(sys, "argv", ["galaxy", "predict", "--model", str(model), *map(str, words)])
    try:
        cli.main()
    except SystemExit as stop:
        return str(stop.code)
    return ""


def names(*inputs: object) -> list[str]:
    return [source.name for source in find_images.find(inputs)]


def test_a_list_keeps_its_rows_order_and_columns_as_written(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    save(folder / "lists/c.png", 150)
    (folder / "lists/list.csv").write_text(
        "id,path,ra,Class1.1,note\n007,../images/b.png,1.10,0.5,NA\n12345678901234567890,c.png,2.0,,'x'\n"
        '007,../images/b.png,1.10,,"a, b"\n9,gone.png,,,\n'
    )
    ended = run(monkeypatch, model, "lists/list.csv", "--out", "out.csv")
    assert ended == "error: 1 of 4 images cannot be read (named above); the others are in out.csv"
    said = capsys.readouterr().err
    assert "left out: lists/gone.png: No such file or directory" in said
    assert "columns called as those of the results become Class1.1_list" in said
    table = pd.read_csv("out.csv", dtype=str, keep_default_na=False)
    given = pd.read_csv("lists/list.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == ["id", "path", "ra", "Class1.1_list", "note", "file", *COLUMNS, "warning"]
    assert table[["id", "path", "ra", "Class1.1_list", "note"]].values.tolist() == given.values.tolist()
    assert list(table["file"]) == list(given["path"])
    assert table.loc[0, COLUMNS].equals(table.loc[2, COLUMNS].rename(0))
    assert not table.loc[0, COLUMNS].equals(table.loc[1, COLUMNS].rename(0))
    assert set(table.loc[3, COLUMNS]) == {""}
    assert list(table["warning"]) == ["", "", "", "cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", "id;Path\n1;images/a.png\n2;images/b.png\n"),
        ("x.csv", "id\tFILE\n1\timages/a.png\n2\timages/b.png\n"),
        ("x.tsv", "id\tfile_loc\n1\timages/a.png\n2\timages/b.png\n"),
        ("x.csv", "filename,size\r\nimages/a.png,1\r\n\r\nimages/b.png,2\r\n"),
        ("x.csv", '\ufeff"path"\n"images/a.png"\nimages/b.png'),
        ("x.csv", "path,id,\nimages/a.png,1,\n images/b.png ,2,\n"),
        ("x.txt", "images/a.png\nimages/b.png\n"),
        ("x.TXT", "image path\nimages/a.png\nimages/b.png\n"),
    ],
)  # fmt: skip
def test_delimiters_and_names_of_the_column_are_recognised(folder: Path, name: str, content: str):
    Path(name).write_text(content)
    assert names(name) == ["images/a.png", "images/b.png"]
    Path(f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert names(f"{name}.gz") == ["images/a.png", "images/b.png"]
    Path(name).write_text(content, encoding="utf-16")
    assert names(name) == ["images/a.png", "images/b.png"]


def test_a_column_of_another_name_is_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    Path("x.csv").write_text("id,File\n1,images/a.png\n")
    names("x.csv")
    assert capsys.readouterr().err == "x.csv: the images' paths are those in its column 'File'\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "x.csv: holds no row; it is empty"),
        ("x.csv", "path\n", "x.csv: holds no row, only a header"),
        ("x.csv", "images/a.png\nimages/b.png\n", "no column 'path' with the images' paths; it has images/a.png; the"),
        ("x.csv", "path,path\nimages/a.png,b\n", "more than one column is called path; rename them"),
        ("x.csv", "path,id\nimages/a.png\n", "x.csv cannot be read as CSV: line 2 has 1 fields, the header has 2"),
        ("x.csv", "path,id\nimages/a.png,1,2\n", "line 2 has 3 fields, the header has 2"),
        ("x.csv", 'path\n"images/a.png\n', "x.csv cannot be read as CSV: line 2: unexpected end of data"),
        ("x.csv", "path\nhttps://x.org/a.png\n", "https://x.org/a.png is a URL; download the image and write its path"),
        ("x.csv", "path,id\n,1\n", "x.csv, row 1: the cell is empty"),
        ("x.csv", "PK\0\0", "x.csv cannot be read as a list: it is no text"),
        ("x.csv.gz", "path\n", "x.csv.gz cannot be read as a list: Not a gzipped file"),
        ("x.parquet", "path\n", "x.parquet cannot be read as Parquet: "),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used_says_why(folder: Path, name: str, content: str, message: str):
    Path(name).write_text(content)
    with pytest.raises(GalaxyError) as error:
        names(name)
    assert message in str(error.value)


def test_an_empty_cell_a_url_and_a_folder_are_problems_of_their_rows(folder: Path, loaded: predictor.Predictor):
    Path("x.csv").write_text("path,id\nimages/a.png,1\n,2\nhttps://x.org/a.png,3\nimages,4\n")
    table, problems = loaded.predict_readable(find_images.find(["x.csv"]), predictor.Options(), strict=False)
    assert problems == {
        1: "the cell is empty; write the image's path into it",
        2: "https://x.org/a.png is a URL; download the image and write its path",
        3: "a folder; name the images in it",
    }
    assert list(table["id"]) == ["1", "2", "3", "4"]


def test_a_url_is_named_as_one(folder: Path):
    with pytest.raises(GalaxyError, match=r"https://x.org/a.png: a URL; download the image and name the file"):
        names("https://x.org/a.png")


def test_a_parquet_list_keeps_its_types_and_full_precision(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    given = pd.DataFrame({"id": [2**60 + 1, 5], "ra": [150.123456789, 2.0], "path": ["images/a.png", "images/b.png"]})
    given.to_parquet("list.parquet")
    assert run(monkeypatch, model, "list.parquet", "--out", "out.parquet") == ""
    table = pd.read_parquet("out.parquet")
    assert table[["id", "ra", "path"]].equals(given)
    assert table["Class1.1"].dtype == np.float32
    assert run(monkeypatch, model, "list.parquet", "--out", "out.csv") == ""
    assert pd.read_csv("out.csv")[["id", "ra", "path"]].equals(given)


def test_a_folder_a_zip_and_a_glob_find_images_of_every_ending_and_say_what_they_leave_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    place = folder / "mixed"
    for name, kind in (("a.webp", "WEBP"), ("b.bmp", "BMP"), ("c.gif", "GIF"), ("d", "PNG"), ("J1.2+3", "JPEG")):
        save(place / name, 250, kind)
    for name in ("notes.txt", "more.txt", "x.heic", ".hidden.png", "._a.png", ".ipynb_checkpoints/a-checkpoint.png"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("something else")
    found = [str(place / name) for name in ("J1.2+3", "a.webp", "b.bmp", "c.gif", "d")]
    assert names(place) == found
    left_out = "3 files that are no images read here (2 .txt, 1 .heic; such as "
    said = capsys.readouterr().err
    assert f"left out of {place}: {left_out}" in said
    assert "and 3 hidden (.ipynb_checkpoints, " in said
    assert names(place / "*") == found
    assert left_out in capsys.readouterr().err
    with zipfile.ZipFile("all.zip", "w") as archive:
        for path in sorted(place.rglob("*")):
            archive.write(path, path.relative_to(place))
        archive.writestr("__MACOSX/a.webp", b"")
    assert names("all.zip") == [f"all.zip/{Path(name).name}" for name in found]
    said = capsys.readouterr().err
    assert left_out in said
    assert "hidden" in said


def test_subfolders_behind_links_are_followed_once(folder: Path):
    save(folder / "elsewhere/c.png", 250)
    (folder / "images/link").symlink_to(folder / "elsewhere")
    (folder / "elsewhere/loop").symlink_to(folder / "images")
    (folder / "images/self").symlink_to(".")
    assert names("images") == ["images/a.png", "images/b.png", "images/link/c.png"]


def test_names_of_any_bytes_are_predicted_and_written_as_utf_8(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    odd = [b"caf\xe9.png", b"two\nlines.png", b"$x_1^{$.png", b"%s {0}.png", "银河.png".encode()]
    for name in odd:
        Path(os.fsdecode(b"odd/" + name)).parent.mkdir(exist_ok=True)
        Path(os.fsdecode(b"odd/" + name)).write_bytes(Path("images/a.png").read_bytes())
    assert run(monkeypatch, model, "odd", "--figure", "figures") == ""
    expected = {"caf\\xe9.png", "two\\x0alines.png", "$x_1^{$.png", "%s {0}.png", "银河.png"}
    assert {Path(name).name for name in pd.read_csv("predictions.csv", encoding="utf-8")["file"]} == expected
    assert len(list(Path("figures").iterdir())) == 5
    Path("list.csv").write_bytes(b"path\nodd/caf\xe9.png\n")
    assert run(monkeypatch, model, "list.csv", "--out", "list_out.csv") == ""
    assert pd.read_csv("list_out.csv", encoding="utf-8")["file"].tolist() == ["odd/caf\\xe9.png"]


def test_names_of_figures_suit_every_file_system():
    long = "x" * 300 + ".png"
    made = tree_figure.file_names(["A.png", "b/a.png", "???.png", "e\u0301.png", "\u00e9.png", long, "y" + long])
    assert len({name.casefold() for name in made}) == len(made) == 7
    assert all(len(name.encode()) < 240 and not name.startswith(".") for name in made)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("out.txt", "out.txt: may end in .csv, .csv.gz, .parquet, .fits, or be - for the standard output"),
        ("out", "out: may end in"),
        ("images", "images: a folder; name a file, such as images/predictions.csv"),
        ("gone/out.csv", "gone/out.csv: {folder}/gone is no folder; make it first"),
        ("list.csv", "list.csv: both an input and the file to write; name another file (--out)"),
        ("hard.csv", "hard.csv: both an input"),
        ("soft.csv", "soft.csv: both an input"),
        ("images/x.csv", "images/x.csv: both an input"),
    ],
)
def test_an_output_that_cannot_be_or_must_not_be_written_is_refused_before_predicting(
    folder: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    message: str,
):
    Path("list.csv").write_text("path\nimages/a.png\nimages/x.csv\n")
    Path("images/x.csv").write_bytes(Path("images/a.png").read_bytes())
    Path("hard.csv").hardlink_to("list.csv")
    Path("soft.csv").symlink_to("list.csv")
    ended = run(monkeypatch, model, "list.csv", "--out", out)
    assert message.format(folder=folder) in ended
    assert "read:" not in capsys.readouterr().err
    assert Path("list.csv").read_text() == "path\nimages/a.png\nimages/x.csv\n"


def test_a_link_is_written_through_and_a_device_is_not_replaced(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("target.csv").write_text("old")
    Path("link.csv").symlink_to("target.csv")
    assert run(monkeypatch, model, "images/a.png", "--out", "link.csv") == ""
    assert Path("link.csv").is_symlink()
    assert len(pd.read_csv("target.csv")) == 1
    assert run(monkeypatch, model, "images/a.png", "--out", "/dev/null") == ""
    assert Path("/dev/null").is_char_device()


def test_a_gzipped_csv_is_one(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    assert run(monkeypatch, model, "images", "--out", "out.csv.gz") == ""
    assert gzip.decompress(Path("out.csv.gz").read_bytes()).startswith(b"file,Class1.1")
    assert len(pd.read_csv("out.csv.gz")) == 2


WRITE = """
import pandas as pd
from galaxy.core import errors
from galaxy.inference import stream, table_files, writing
output = writing.ToStream(writing.standard_output(), table_files.Csv({}))
part = stream.Part(range(10**6), pd.DataFrame({'file': ['a'] * 10**6}), {})
errors.run(lambda: output.add(part))
"""


def test_the_standard_output_holds_the_table_alone_and_head_ends_it_quietly(folder: Path, model: Path):
    said = command("galaxy", "predict", "images", "--model", model, "--out", "-", folder=folder)
    assert pd.read_csv(io.StringIO(said.stdout))["file"].tolist() == ["images/a.png", "images/b.png"]
    assert "2 galaxies by" in said.stderr
    ended = command("bash", "-c", f'python -c "{WRITE}" | head -n 1; echo ${{PIPESTATUS[0]}}', folder=folder)
    assert ended.stdout == "file\n141\n"
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("given", "figures"), [("images", "images/trees"), ("images", "images"), ("images/**/*.png", "images/trees")]
)
def test_figures_inside_an_input_are_refused(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, given: str, figures: str
):
    ended = run(monkeypatch, model, given, "--figure", figures)
    assert ended.startswith(f"error: {figures}: inside {given}, where the figures would be taken for images next time")
    assert not Path("predictions.csv").exists()


def test_a_file_as_a_model_says_what_is_needed(folder: Path, monkeypatch: pytest.MonkeyPatch):
    Path("x.onnx").write_bytes(b"x")
    ended = run(monkeypatch, Path("x.onnx"), "images")
    assert ended == (
        "error: x.onnx: a file; name the folder with model.json and model.safetensors, as training writes it"
    )


def test_python_takes_lists_series_arrays_pictures_and_numbers_of_numpy(folder: Path, loaded: predictor.Predictor):
    paths = ["images/a.png", "images/b.png", "images/a.png"]
    expected = loaded.predict(paths, views=2, crop=0.5)
    assert list(expected["file"]) == paths
    a, b = picture(250), picture(50)
    for given in (
        tuple(map(Path, paths)),
        pd.Series(paths, index=[5, 5, 7]),
        np.array(paths),
        pd.DataFrame({"path": paths, "id": [1, 2, 3]}),
        [a, b, a],
        np.stack([a, b, a]),
        [Image.fromarray(a), Image.open("images/b.png"), "images/a.png"],
    ):
        options = {
            "views": np.int64(2),
            "crop": np.float32(0.5),
            "batch_size": np.int32(2),
            "fits_scale": np.float64(1),
        }
        table = loaded.predict(given, **options)
        assert np.allclose(table[COLUMNS], expected[COLUMNS], atol=1e-6)
        assert list(table.index) == [0, 1, 2]
    assert list(loaded.predict(a, np.stack([b, a]))["file"]) == ["image 1", "image 2", "image 3"]
    turned = Image.fromarray(np.rot90(a))
    turned.getexif()[0x0112] = 6
    assert np.allclose(loaded.predict(turned)[COLUMNS], loaded.predict(a)[COLUMNS], atol=1e-6)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (np.zeros((32, 32, 3)), {}, r"an array of float64 with shape \(32, 32, 3\); pictures are uint8 \(0 to 255\)"),
        (np.zeros((32, 32), np.uint8), {}, r"shape \(32, 32\); pictures are"),
        (5, {}, "int given; images are paths"),
        (b"images/a.png", {}, "bytes given"),
        ([None], {}, "NoneType given"),
        ([], {}, "no images given"),
        (Image.new("F", (20, 20)), {}, "image 1: pixels of Pillow's mode F"),
        ("images", {"views": 2.5}, "'float' object cannot be interpreted as an integer"),
        ("images", {"batch_size": np.int64(0)}, "batch size is 0"),
    ],
)  # fmt: skip
def test_python_refuses_other_types_with_a_clear_error(
    folder: Path, loaded: predictor.Predictor, given: object, options: dict[str, object], message: str
):
    with pytest.raises((GalaxyError, TypeError), match=message):
        loaded.predict(given, **options)


def test_parts_and_batches_do_not_change_what_is_predicted(
    folder: Path, loaded: predictor.Predictor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "PART", 2)
    (folder / "images/c.png").write_bytes(b"bad")
    paths = ["images/a.png", "images/c.png", "images/b.png", "images/a.png", "images/b.png"]
    options = predictor.Options(batch_size=2)
    table, problems = loaded.predict_readable(find_images.find([paths]), options, strict=False)
    assert list(problems) == [1]
    assert list(table.index) == [0, 2, 3, 4]
    assert np.allclose(table[COLUMNS], loaded.predict([paths[0], *paths[2:]])[COLUMNS], atol=1e-6)
