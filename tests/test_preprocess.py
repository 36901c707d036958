"""Images become one packed array; scaled decoding changes nothing that matters; bad images are all listed."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import REAL, TEST, TRAINING
from PIL import Image

from galaxy.core import competition
from galaxy.core.errors import GalaxyError
from galaxy.data.galaxies import Galaxies
from galaxy.ingest import archives
from galaxy.ingest.decode import BadImageError, Cropper, check_jpeg
from galaxy.ingest.preprocess import pack, preprocess


def jpeg(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def jpegs(path: Path, step: int = 1) -> list[bytes]:
    members = list(archives.image_members(path).values())[::step]
    with archives.open_zip(path) as archive:
        return [archive.read(member) for member in members]


def test_a_set_is_an_array_and_a_table_in_the_same_order(raw: Path, preprocessed: Path):
    training, test = Galaxies.open(preprocessed, "training"), Galaxies.open(preprocessed, "test")
    assert training.images.shape == (TRAINING, 64, 64, 3)
    assert test.images.shape == (TEST, 64, 64, 3)
    assert training.images.dtype == np.uint8
    assert list(training.ids) == sorted(training.ids)
    path = competition.zip_path(raw, competition.TRAINING_IMAGES)
    cropper = Cropper(424, 212, 64)
    for i, data in enumerate(jpegs(path)):
        image, colour = cropper(data)
        assert np.array_equal(training.images[i], image)
        assert training.colours[i] == pytest.approx(colour)
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    assert np.allclose(training.votes, solutions.drop(columns="GalaxyID"), atol=1e-7)


def test_the_centre_is_cropped_and_the_colours_are_red_green_blue():
    image = np.full((424, 424, 3), (0, 0, 255), np.uint8)  # blue around
    image[106:318, 106:318] = (255, 128, 0)  # orange in the central 212 pixels
    for size in (64, 106, 212):
        cropped, colour = Cropper(424, 212, size)(jpeg(Image.fromarray(image), quality=100, subsampling=0))
        assert cropped.shape == (size, size, 3)
        assert np.abs(cropped[2:-2, 2:-2].astype(int) - (255, 128, 0)).max() <= 6
        assert colour == pytest.approx([255, 128, 0], abs=3)


@pytest.mark.parametrize(
    ("crop", "size", "factor"),
    [
        (212, 64, 2),
        (424, 64, 4),
        (424, 53, 8),
        (424, 424, 1),
        (212, 128, 1),
        (212, 106, 2),
        (256, 128, 2),
        (211, 64, 1),
    ],
)
def test_the_decoder_shrinks_as_far_as_size_and_whole_pixels_allow(crop: int, size: int, factor: int):
    assert Cropper(424, crop, size).factor == factor


@pytest.mark.parametrize("source", ["simulated", "real"])
def test_scaled_decoding_changes_pixels_less_than_the_choice_of_the_resampling_filter(raw: Path, source: str):
    path = raw if source == "simulated" else REAL
    if not path.is_dir():
        pytest.skip(f"{path} is absent")
    step = 1 if source == "simulated" else 40
    scaled, whole = Cropper(424, 212, 64), Cropper(424, 212, 64, scaled_decoding=False)
    assert (scaled.factor, whole.factor) == (2, 1)
    by_decoding, by_filter = [], []
    for data in jpegs(competition.zip_path(path, competition.TRAINING_IMAGES), step):
        reference, colour = whole(data)
        image, scaled_colour = scaled(data)
        cropped = Image.open(io.BytesIO(data)).crop((106, 106, 318, 318))
        other = np.asarray(cropped.resize((64, 64), Image.Resampling.LANCZOS))
        by_decoding.append(image.astype(int) - reference)
        by_filter.append(other.astype(int) - reference)
        assert scaled_colour == pytest.approx(colour, abs=3)
    assert np.abs(by_decoding).max() <= np.abs(by_filter).max()
    assert np.square(by_decoding).mean() < np.square(by_filter).mean()


def edited(data: bytes, offset: int, value: bytes) -> bytes:
    """A JPEG with other bytes in its frame's header: length (2), precision (1), height (2), width (2), …"""
    content, start = bytearray(data), data.index(b"\xff\xc0") + 2 + offset
    content[start : start + len(value)] = value
    return bytes(content)


WHOLE = jpeg(Image.effect_noise((424, 424), 50).convert("RGB"))
BLACK = Image.new("RGB", (424, 424))
SIXTEEN_BIT = Image.fromarray(np.zeros((424, 424), np.uint16))

BAD_IMAGES = {
    "empty": (b"", "no readable image (0 bytes)"),
    "only the first marker": (b"\xff\xd8 not really", "no readable image"),
    "a web page": (b"<html><body>Sign in</body></html>", "no readable image"),
    "half of it": (WHOLE[: len(WHOLE) // 2], "truncated"),
    "its last byte missing": (WHOLE[:-1], "truncated"),
    "PNG": (jpeg(BLACK, "PNG"), "PNG, not JPEG"),
    "GIF": (jpeg(BLACK, "GIF"), "GIF, not JPEG"),
    "WebP": (jpeg(BLACK, "WEBP"), "WEBP, not JPEG"),
    "PNG of 16 bits": (jpeg(SIXTEEN_BIT, "PNG"), "PNG, not JPEG"),
    "TIFF of 16 bits": (jpeg(SIXTEEN_BIT, "TIFF"), "TIFF, not JPEG"),
    "JPEG of 12 bits": (edited(WHOLE, 2, b"\x0c"), "no readable image"),
    "grey": (jpeg(Image.new("L", (424, 424))), "colour mode L, not RGB"),
    "CMYK": (jpeg(Image.new("CMYK", (424, 424))), "colour mode CMYK, not RGB"),
    "one pixel": (jpeg(Image.new("RGB", (1, 1))), "1×1 pixels, not 424×424"),
    "not square": (jpeg(Image.new("RGB", (424, 400))), "424×400 pixels, not 424×424"),
    "no pixel": (edited(WHOLE, 3, bytes(4)), "no readable image"),
    "900 million pixels": (edited(WHOLE, 3, (30_000).to_bytes(2, "big") * 2), "too many pixels"),
    "100 million pixels": (edited(WHOLE, 3, (10_000).to_bytes(2, "big") * 2), "10000×10000 pixels, not 424×424"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("data", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_a_bad_image_is_refused_before_a_pixel_is_decoded(data: bytes, message: str):
    with pytest.raises(BadImageError) as error:
        check_jpeg(data, 424)
    assert message in str(error.value)


def test_images_are_packed_where_opencv_runs_threads_already(raw: Path, tmp_path: Path):
    """In a notebook, say: a forked process would wait forever for threads that only its parent has."""
    code = (
        "import cv2, numpy, pathlib; from galaxy.ingest.preprocess import preprocess; cv2.setNumThreads(4); "
        "cv2.GaussianBlur(numpy.zeros((2000, 2000, 3), numpy.uint8), (9, 9), 2); "
        f"preprocess(pathlib.Path({str(raw)!r}), pathlib.Path({str(tmp_path)!r}), 212, 64)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100, capture_output=True)
    assert Galaxies.open(tmp_path, "training").images.shape == (TRAINING, 64, 64, 3)


def test_all_bad_images_are_listed_and_nothing_is_left(tmp_path: Path):
    path = tmp_path / "images_training_rev1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("100.jpg", WHOLE)
        for number, (data, _) in enumerate(BAD_IMAGES.values()):
            archive.writestr(f"{number}.jpg", data)
    with pytest.raises(GalaxyError) as error:
        preprocess(tmp_path, tmp_path / "out", 212, 64)
    lines = str(error.value).splitlines()
    assert f"({len(BAD_IMAGES)} in all)" in lines[0]
    assert lines[-1] == f"  … and {len(BAD_IMAGES) - 10} more"
    for number, (line, (_, message)) in enumerate(zip(lines[1:-1], BAD_IMAGES.values(), strict=False)):
        assert line.startswith(f"  {number}.jpg: ")
        assert message in line
    assert list((tmp_path / "out").iterdir()) == []


def test_a_member_damaged_inside_the_zip_is_listed(tmp_path: Path):
    path = tmp_path / "images.zip"
    data = jpeg(Image.effect_noise((424, 424), 50).convert("RGB"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("5.jpg", data)
    content = bytearray(path.read_bytes())
    content[len(data) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(GalaxyError, match=r"5\.jpg: Bad CRC-32"):
        pack(path, ["5.jpg"], Cropper(424, 212, 64), tmp_path / "out.npy")
