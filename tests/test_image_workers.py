"""Reading in processes of their own: whatever a file does, it is named, and the others are read."""

import functools
import io
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import command
from PIL import Image

from galaxy.core.errors import GalaxyError
from galaxy.inference import image_workers, read_ahead
from galaxy.inference.read_image import Crop, Reader
from galaxy.inference.sources import Source, encode_array

READER = Reader(Crop(1.0), 16)
PICTURE = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
GOOD = Source("good", functools.partial(encode_array, PICTURE))


def bad(name: str, *call: object) -> Source:
    """A file that does something else than giving bytes."""
    return Source(name, functools.partial(*call))  # type: ignore[arg-type]


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    picture = Image.new("RGB", (side, side), (9, 9, 9))
    picture.paste((0, 0, 0), (0, 0, side // 2, side))
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


EXIT = sys.exit
"""As it was before Weights & Biases replaced it by a function that cannot be handed to a process."""


def test_a_crash_an_error_of_any_type_and_a_process_that_ends_cost_one_file_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "exit", EXIT)
    files = [
        bad("signal", os.abort),
        bad("error", {"a": 1}.__getitem__, "b"),
        bad("exit", os._exit, 7),
        bad("interrupt", sys.exit, 1),
        bad("gone", Path("gone.png").read_bytes),
    ]
    sources = [GOOD, *(source for file in files for source in (file, GOOD))]
    images, problems, _ = read_ahead.read_images(sources, READER, strict=False)
    assert problems == {
        1: "crashes its decoder (Aborted)",
        3: "cannot be read (KeyError: 'b')",
        5: "crashes its decoder (status 7)",
        7: "cannot be read (1)",
        9: "No such file or directory",
    }
    assert all(np.array_equal(images[row], PICTURE) for row in range(0, len(sources), 2))


class Ending:
    """Ends the process that receives it, before it says what it received."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)


def test_a_pool_that_breaks_is_replaced():
    sources = [GOOD, bad("breaks", id, Ending()), *[GOOD] * 20]
    images, problems, _ = read_ahead.read_images(sources, READER, strict=False)
    assert problems == {1: "crashes its decoder"}
    assert all(np.array_equal(image, PICTURE) for image in [images[0], *images[2:]])


def test_a_file_that_takes_too_long_costs_itself_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_workers, "SECONDS", 2)
    sources = [bad("slow", time.sleep, 60), *[GOOD] * 40]
    start = time.perf_counter()
    images, problems, _ = read_ahead.read_images(sources, READER, strict=False)
    assert problems == {0: "takes more than 2 seconds to read"}
    assert all(np.array_equal(image, PICTURE) for image in images[1:])
    assert time.perf_counter() - start < 30


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_file_gets_all_memory_if_its_share_is_too_small_and_is_refused_with_its_size_if_that_is_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A picture of 3,000×3,000 pixels takes 27 MB as bytes, and 108 more as floats while it is made smaller."""
    monkeypatch.setattr(image_workers, "MEMORY", 300 * 2**20)
    image_workers.kept.cache_clear()
    monkeypatch.setattr(image_workers, "number", lambda: 2)
    large = tmp_path / "large.png"
    large.write_bytes(png(6_000))
    sources = [
        GOOD,
        bad("fits", encode_array, np.repeat(np.uint8([[[0], [9]]]), 1_500, axis=1).repeat(3_000, 0).repeat(3, 2)),
        bad("does not", Path.read_bytes, large),
        bad("asks for all", bytes, 2**40),
    ]
    images, problems, _ = read_ahead.read_images(sources, READER, strict=False)
    image_workers.kept.cache_clear()
    assert problems == {
        2: "6000×6000 pixels cannot be read in 0.3 GB of memory; cut the galaxy out of it",
        3: "0 bytes cannot be read in 0.3 GB of memory; cut the galaxy out of it",
    }
    assert np.array_equal(images[0], PICTURE)
    assert (images[1][:, 8:] == 9).all()


def test_pixels_for_which_there_is_no_room_are_refused():
    with pytest.raises(GalaxyError, match=r"no room for the pixels: 1,000,000,000 images of 224×224 pixels need"):
        image_workers.Pixels(10**9, 224)


SCRIPT = """
import os, sys
from galaxy import load
print("script")
table = load(sys.argv[1]).predict(["a.png"] * 3)
print(len(table), flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_script_without_a_guard_predicts_and_leaves_no_process_behind_when_it_is_killed(model: Path, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(png(20))
    (tmp_path / "script.py").write_text(SCRIPT)
    said = command(sys.executable, "script.py", model, folder=tmp_path, check=False)  # returns when all have ended
    assert said.stdout == "script\n3\n"
    assert "Traceback" not in said.stderr
