"""Predicting any number of images: memory, interruptions, shares, and files of every kind."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from conftest import ROOT
from PIL import Image

from galaxy import cli
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.inference import find_images, lists, predictor, read_ahead, results, stream, writing
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.image_list import Files, Images, Listed
from galaxy.inference.read_image import Crop, Reader

COLUMNS = list(decision_tree.COLUMNS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with five images in images/ and as many rows in list.csv."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    light = np.exp(-3 * (x**2 + 2 * y**2))
    for number in range(5):
        picture = np.rint(light[..., None] * (250 - 40 * number, 200, 120)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"images/{number}.png")
    (tmp_path / "list.csv").write_text("path\n" + "".join(f"images/{number}.png\n" for number in range(5)))
    monkeypatch.setattr(stream, "PART", 2)
    return tmp_path


@pytest.fixture(scope="module")
def loaded(model: Path) -> predictor.Predictor:
    return predictor.load(model)


def run(monkeypatch: pytest.MonkeyPatch, model: Path, *words: object) -> str:
    """Run `galaxy predict`, two images at a time; return how it ends."""
    given = ["galaxy", "predict", "--model", str(model), "--batch-size", "2", *map(str, words)]
    monkeypatch.setattr(sys, "argv", given)
    try:
        cli.main()
    except SystemExit as stop:
        return str(stop.code)
    return ""


KILLED = """
import signal, time
from galaxy import cli
from galaxy.inference import stream, writing
signal.signal(signal.SIGINT, signal.default_int_handler)
stream.PART = 16
add = writing.ToFile.add
writing.ToFile.add = lambda *words: (add(*words), time.sleep(0.1))
cli.main()
"""
"""Predicts in parts of 16 images, and slowly enough to be killed in the middle."""


def test_a_run_that_is_killed_and_interrupted_ends_with_the_bytes_of_an_undisturbed_one(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (folder / "list.csv").write_text("path,id\n" + "".join(f"images/{i % 6}.png,{i:05}\n" for i in range(400)))
    words = ["list.csv", "--model", str(model), "--batch-size", "2", "--out"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = [0]
    for how in (signal.SIGKILL, signal.SIGINT):
        command = [sys.executable, "-c", KILLED, "predict", *words, "out.csv"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
            while len(list(folder.glob(".out.csv.parts/0*.json"))) < done[-1] + 3:
                assert running.poll() is None
                time.sleep(0.02)
            running.send_signal(how)
            _, said = running.communicate(timeout=60)
        done.append(len(list(folder.glob(".out.csv.parts/*.rows"))))
        assert 3 <= done[-1] - done[-2] < 20
        assert not (folder / "out.csv").exists()
    assert "resuming an interrupted run behind image" in said
    assert f"images are kept in {folder}/.out.csv.parts; the same command resumes there" in said
    assert "Traceback" not in said
    monkeypatch.setattr(stream, "PART", 16)
    for out in ("out.csv", "calm.csv"):
        ended = run(monkeypatch, model, "list.csv", "--out", out)
        assert ended.startswith("error: 66 of 400 images cannot be read (named above)")
        assert capsys.readouterr().err.count("left out: images/5.png: No such file or directory\n") == 66
    assert (folder / "out.csv").read_bytes() == (folder / "calm.csv").read_bytes()
    assert len(pd.read_csv("out.csv")) == 400
    assert not list(folder.glob(".*"))


def interrupt(loaded: predictor.Predictor, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt a run behind its first part."""

    def stop(output: writing.ToFile, part: stream.Part) -> None:
        if part.numbers.start:
            raise KeyboardInterrupt
        original(output, part)

    original = writing.ToFile.add
    with monkeypatch.context() as context:
        context.setattr(writing.ToFile, "add", stop)
        assert run(monkeypatch, model, "images") == "130"
    assert sorted(path.name for path in Path(".predictions.csv.parts").glob("0*")) == [
        "000000000.json",
        "000000000.rows",
    ]


def test_other_images_models_or_options_start_anew_and_say_so(
    folder: Path,
    model: Path,
    loaded: predictor.Predictor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    interrupt(loaded, model, monkeypatch)
    assert run(monkeypatch, model, "images") == ""
    assert "predictions.csv: resuming an interrupted run behind image 2 of 5" in capsys.readouterr().err
    expected = Path("predictions.csv").read_bytes()
    for words, reason in (
        (["images", "--views", "2"], "other options"),
        (["images/*.png"], "other images"),
        (["images"], "files have changed since, of images 1 to 2"),
    ):
        interrupt(loaded, model, monkeypatch)
        os.utime("images/1.png", (1, len(words[0])))
        assert run(monkeypatch, model, *words) == ""
        assert f"an interrupted run is of no use here ({reason}); starting anew" in capsys.readouterr().err
    assert Path("predictions.csv").read_bytes() == expected
    assert not list(folder.glob(".*"))


def test_two_runs_do_not_write_one_file(
    folder: Path, model: Path, loaded: predictor.Predictor, monkeypatch: pytest.MonkeyPatch
):
    images = find_images.find(["images"])
    out = Path("predictions.csv")
    with writing.resumable(out.absolute(), out, results.outputs.csv({}), {}, images, range(5), 2):
        assert run(monkeypatch, model, "images").startswith("error: predictions.csv: another process writes this file")


def test_shares_are_balanced_and_put_together_they_are_the_whole(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(monkeypatch, model, "list.csv", "--out", "whole.csv") == ""
    for number in range(1, 5):
        assert run(monkeypatch, model, "list.csv", "--shard", f"{number}/4") == ""
    assert "share 1/4 of 5 images: none, so there is only a header" in capsys.readouterr().out
    shares = [path.read_text().splitlines() for path in sorted(folder.glob("predictions-*-of-4.csv"))]
    assert [len(lines) - 1 for lines in shares] == [0, 2, 2, 1]
    joined = [shares[0][0], *(line for lines in shares for line in lines[1:])]
    assert joined == (folder / "whole.csv").read_text().splitlines()
    sizes = [len(results.Shard(number, 7).numbers(100_003, 64)) for number in range(1, 8)]
    assert sum(sizes) == 100_003
    assert max(sizes) - min(sizes) <= 2 * 64
    assert results.Shard(3, 16).path(Path("a/b.csv.gz")) == Path("a/b-03-of-16.csv.gz")
    for text in ("0/4", "5/4", "1", "a/b", "1/0"):
        assert "it may be 1/N to N/N" in run(monkeypatch, model, "images", "--shard", text)


def test_several_devices_take_turns(folder: Path, loaded: predictor.Predictor):
    images, options = find_images.find(["images"]), predictor.Options(batch_size=1)
    catalogue = Catalogue(images, [])
    one, two = loaded.computations(options), [*loaded.computations(options), *loaded.computations(options)]
    tables = [
        pd.concat([part.table for part in stream.parts(images, catalogue, computes, range(5), 1)])
        for computes in (one, two)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0]["file"].tolist() == [f"images/{number}.png" for number in range(5)]


def test_the_memory_for_pixels_and_names_does_not_grow_with_the_images(folder: Path):
    images = find_images.find([["images/0.png"] * 200])
    seen = set()
    for batch in read_ahead.batches(images, range(200), [Reader(Crop(1.0), 16)], 4):
        seen.add(id(batch.pixels))
        batch.release()
    assert len(seen) < 20
    (folder / "long.csv").write_text("path,id\n" + "".join(f"images/{i % 5}.png,{i:09}\n" for i in range(20_000)))
    tracemalloc.start()
    files = Images([Files("survey", (f"field_{i // 1000}/{i:012}.jpg" for i in range(20_000)))])
    listed = Images([Listed(lists.read(Path("long.csv")), Path())])
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 40_000 < 50  # bytes
    assert files[19_999].name == "survey/field_19/000000019999.jpg"
    assert listed[19_999].name == "images/4.png"


ODD = {
    "id": ["007", "12345678901234567890", None],
    "number": pd.array([2**60 + 1, None, 3], dtype="Int64"),
    "ra": [150.123456789, None, float("inf")],
    "good": [True, None, False],
    "date": [pd.Timestamp("2020-01-02 03:04:05"), None, pd.Timestamp("1999-12-31")],
    "name": ["caf\u00e9", "a, b", "x" * 20],
}


def odd_list(folder: Path) -> Path:
    """A Parquet list of every kind of value; its last image is absent."""
    table = pd.DataFrame(ODD | {"path": ["images/0.png", "images/1.png", "gone.png"]})
    table["good"] = table["good"].astype("boolean")
    table["flux"] = np.array([1, 2, 3], np.float32)
    table["small"] = np.array([1, 2, 3], np.int16)
    table.to_parquet(folder / "odd.parquet")
    return folder / "odd.parquet"


def test_the_columns_of_a_parquet_list_keep_their_values_in_every_kind_of_file(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    given = pd.read_parquet(odd_list(folder))
    for out in ("out.csv", "out.parquet", "out.fits"):
        assert run(monkeypatch, model, "odd.parquet", "--out", out).startswith("error: 1 of 3 images")
    parquet = pd.read_parquet("out.parquet")
    assert (
        parquet[["id", "good", "date", "name", "flux", "small"]]
        .astype(str)
        .equals(given[["id", "good", "date", "name", "flux", "small"]].astype(str))
    )
    exact = pd.read_parquet("out.parquet", dtype_backend="pyarrow")
    assert exact["number"].fillna(-1).tolist() == [2**60 + 1, -1, 3]
    assert str(exact["date"].dtype).startswith("timestamp")
    text = pd.read_csv("out.csv", dtype=str, keep_default_na=False)
    assert text["id"].tolist() == ["007", "12345678901234567890", ""]
    assert text["number"].tolist() == [str(2**60 + 1), "", "3"]
    assert text["date"].tolist()[0] == "2020-01-02 03:04:05"
    table = Table.read("out.fits")
    assert list(table.columns) == [*given.columns, "file", *COLUMNS, "warning"]
    assert table["number"].tolist() == [2**60 + 1, None, 3]
    assert table["ra"][0] == 150.123456789
    kinds = {name: table[name].dtype.str[1:] for name in ("number", "ra", "flux", "small", "good")}
    assert kinds == {"number": "i8", "ra": "f8", "flux": "f4", "small": "i2", "good": "b1"}
    assert table["good"].tolist()[0] is True
    assert [str(value).rstrip() for value in table["name"]] == ["caf\\xe9", "a, b", "x" * 20]
    assert table["date"][0] == "2020-01-02 03:04:05"
    assert np.isnan(np.ma.filled(table["Class1.1"][2], np.nan))
    assert np.allclose(table["Class1.1"][:2], parquet["Class1.1"][:2])
    assert table["warning"].tolist()[2] == "cannot be read: No such file or directory"


def test_the_text_of_a_csv_is_the_same_text_in_every_kind_of_file(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    (folder / "list.csv").write_text("id,path,ra,date\n007,images/0.png,1.10,2020-01-01\n1e5,images/1.png,NaN,\n")
    expected = [["007", "1.10", "2020-01-01"], ["1e5", "NaN", ""]]
    for out in ("out.csv", "out.csv.gz", "out.parquet", "out.fits"):
        assert run(monkeypatch, model, "list.csv", "--out", out) == ""
    for out in ("out.csv", "out.csv.gz"):
        assert pd.read_csv(out, dtype=str, keep_default_na=False)[["id", "ra", "date"]].values.tolist() == expected
    assert pd.read_parquet("out.parquet")[["id", "ra", "date"]].values.tolist() == expected
    table = Table.read("out.fits", mask_invalid=False)
    assert [[str(row[name]) for name in ("id", "ra", "date")] for row in table] == expected


def test_lists_with_equal_paths_and_columns_stay_apart(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, content in (("a", "file,id,id_list,warning\n0.png,1,x,w\n"), ("b", "path,ID,z\n0.png,2,3\n")):
        (folder / name).mkdir()
        (folder / name / "0.png").write_bytes((folder / "images/0.png").read_bytes())
        (folder / name / "list.csv").write_text(content)
    assert run(monkeypatch, model, "a/list.csv", "b/list.csv", "images/0.png") == ""
    said = capsys.readouterr().err
    assert "a/list.csv: columns called as those of the results become file_list, warning_list" in said
    table = pd.read_csv("predictions.csv", dtype=str, keep_default_na=False)
    assert table["file"].tolist() == ["a/0.png", "b/0.png", "images/0.png"]
    assert list(table.columns) == [
        "file_list",
        "id",
        "id_list",
        "warning_list",
        "path",
        "ID",
        "z",
        "file",
        *COLUMNS,
        "warning",
    ]
    assert table["file_list"].tolist() == ["0.png", "", ""]
    ended = run(monkeypatch, model, "a/list.csv", "b/list.csv", "--out", "x.fits")
    assert ended == (
        "error: x.fits: columns of FITS tables must differ in more than capitals, unlike id, ID; rename them, or write "
        ".parquet or .csv"
    )
    ended = run(monkeypatch, model, "images", "--out", "images/x.fits")
    assert ended.startswith("error: images/x.fits: inside images, where it would be taken for an image next time")


def test_a_table_of_parts_takes_the_memory_of_one(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch):
    """Groups of rows in Parquet do not depend on the parts."""
    monkeypatch.setattr("galaxy.inference.table_files.ROWS", 3)
    assert run(monkeypatch, model, "list.csv", "--out", "a.parquet") == ""
    monkeypatch.setattr(stream, "PART", 4)
    assert run(monkeypatch, model, "list.csv", "--out", "b.parquet") == ""
    assert Path("a.parquet").read_bytes() == Path("b.parquet").read_bytes()


def test_strict_stops_and_without_a_finished_part_leaves_nothing(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    Path("images/00.png").write_bytes(b"bad")
    assert run(monkeypatch, model, "images", "--strict").startswith("error: images/00.png: no readable image")
    assert not list(folder.glob(".*"))


def test_a_target_that_is_another_file_by_now_is_not_written_to(folder: Path):
    from galaxy.inference.image_workers import Target

    path = folder / "pixels"
    path.write_bytes(b"mine")
    state = path.stat()
    with pytest.raises(Exception, match="no longer wanted"):
        Target(str(path), state.st_dev, state.st_ino + 1).open()


def test_images_are_a_sequence(folder: Path):
    images = find_images.find(["images", "list.csv"])
    assert len(images) == 10
    assert [source.name for source in images[3:6]] == ["images/3.png", "images/4.png", "images/0.png"]
    assert images[-1].row is not None
    with pytest.raises(IndexError):
        images[10]
    with pytest.raises(GalaxyError, match="no images given"):
        find_images.find([])
