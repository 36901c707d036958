"""Images become one packed array; scaled decoding changes nothing that matters; bad images are all listed."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import REAL, TEST, TRAINING
from PIL import Image

from galaxy import competition
from galaxy.errors import GalaxyError
from galaxy.images import Cropper
from galaxy.packed import Packed
from galaxy.preprocess import pack, preprocess


def jpeg(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def jpegs(path: Path, step: int = 1) -> list[bytes]:
    members = list(competition.image_members(path).values())[::step]
    with competition.open_zip(path) as archive:
        return [archive.read(member) for member in members]


def test_a_set_is_an_array_and_a_table_in_the_same_order(raw: Path, preprocessed: Path):
    training, test = Packed.open(preprocessed, "training"), Packed.open(preprocessed, "test")
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
    solutions = competition.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
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


def bad_images() -> dict[str, tuple[bytes, str]]:
    grey = Image.new("L", (424, 424))
    good = jpeg(Image.effect_noise((424, 424), 50).convert("RGB"))
    huge = bytearray(good)
    start = good.index(b"\xff\xc0")  # the frame's header: length, precision, height, width
    huge[start + 5 : start + 9] = (30_000).to_bytes(2, "big") * 2
    return {
        "1.jpg": (b"", "no readable image (0 bytes)"),
        "2.jpg": (b"\xff\xd8 not really", "no readable image"),
        "3.jpg": (good[: len(good) // 2], "truncated"),
        "4.jpg": (jpeg(Image.new("RGB", (424, 424)), "PNG"), "PNG, not JPEG"),
        "5.jpg": (jpeg(grey), "colour mode L, not RGB"),
        "6.jpg": (jpeg(Image.new("CMYK", (424, 424))), "colour mode CMYK, not RGB"),
        "7.jpg": (jpeg(Image.new("RGB", (1, 1))), "1×1 pixels, not 424×424"),
        "8.jpg": (jpeg(Image.new("RGB", (424, 400))), "424×400 pixels, not 424×424"),
        "9.jpg": (bytes(huge), ""),
    }


def test_all_bad_images_are_listed_and_nothing_is_left(tmp_path: Path):
    path = tmp_path / "images_training_rev1.zip"
    bad = bad_images()
    with zipfile.ZipFile(path, "w") as archive:
        for name, (data, _) in bad.items():
            archive.writestr(name, data)
        archive.writestr("100.jpg", jpeg(Image.new("RGB", (424, 424))))
    with pytest.raises(GalaxyError) as error:
        preprocess(tmp_path, tmp_path / "out", 212, 64)
    lines = str(error.value).splitlines()
    assert "(9 in all)" in lines[0]
    for name, (_, message) in bad.items():
        assert any(line.strip().startswith(f"{name}: ") and message in line for line in lines), name
    assert not any("100.jpg" in line for line in lines)
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
