"""FITS files: units, bands, extensions and pixels without a value, by the header or else said."""

import gzip
import io
import sys
import time
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from galaxy.core import stretch
from galaxy.core.errors import GalaxyError
from galaxy.inference.fits import FitsOptions, read
from galaxy.inference.read_image import Crop, Reader
from galaxy.ingest.decode import BadImageError

SIDE = 40
WHOLE = Reader(Crop(1.0), SIDE)
SLOAN = {"BUNIT": "nanomaggies", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1.1e-4, "CD2_2": 1.1e-4}
"""The unit and, nearly, the pixels of the Sloan survey's frames: 0.396″ is 1.1e-4 degrees."""


def light(bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).gamma(1.0, 0.2, (bands, SIDE, SIDE)).astype(np.float32)


def fits_file(*images: Any, compressed: bool = False, **cards: object) -> bytes:
    """A file of these images: arrays, or (name, array); `cards` go into the first header."""
    units = fits.HDUList()
    for number, image in enumerate(images):
        name, pixels = image if isinstance(image, tuple) else (None, image)
        if compressed:
            units.append(fits.PrimaryHDU())
            units.append(fits.CompImageHDU(pixels))
        else:
            units.append(fits.ImageHDU(pixels, name=name) if number else fits.PrimaryHDU(pixels))
        if name:
            units[-1].header["EXTNAME"] = name
    units[0].header.update(cards)
    buffer = io.BytesIO()
    units.writeto(buffer)
    return buffer.getvalue()


def picture(bands: np.ndarray) -> np.ndarray:
    """What is to be seen of g, r, i in nanomaggies."""
    return stretch.lupton(bands)[::-1, :, ::-1]


def seen(data: bytes, **options: Any) -> np.ndarray:
    return read(data, FitsOptions(**options))[0]


def warned(data: bytes, **options: Any) -> str:
    return "; ".join(read(data, FitsOptions(**options))[1])


def refused(data: bytes, **options: Any) -> str:
    with pytest.raises(BadImageError) as error:
        read(data, FitsOptions(**options))
    return str(error.value)


def test_fits_is_stretched_as_the_training_images_and_turned_north_up():
    bands = light()
    expected = picture(bands)
    assert np.array_equal(WHOLE("a.fits", fits_file(bands)).pixels, expected)
    assert np.array_equal(WHOLE("without a suffix", fits_file(bands)).pixels, expected)
    assert np.array_equal(seen(fits_file(bands.astype(">f8"))), expected)
    assert np.array_equal(seen(fits_file(bands / 2), scale=2.0), expected)
    grey = seen(fits_file(bands[1]))
    assert np.ptp(grey, axis=2).max() == 0
    assert np.array_equal(grey, seen(gzip.compress(fits_file(bands[None, 1:2]))))
    whole = np.rint(1000 * bands[1]).astype(np.int16)  # tile compression keeps whole numbers as they are
    packed = seen(fits_file(whole, compressed=True), scale=0.001)
    assert np.array_equal(packed, seen(fits_file(whole), scale=0.001))
    colours = stretch.lupton(np.stack([bands[1] * 0.95 / 1.64, bands[1], bands[1] * 0.95 / 0.79]))
    assert np.abs(grey[::-1, :, 1].astype(int) - colours[..., 1]).max() <= 3  # as bright as a galaxy's r


def test_pixels_without_a_value_at_the_border_are_empty_sky():
    bands = light()
    bands[:, :5] = np.nan
    bands[:, 5] = np.inf
    empty = bands.copy()
    empty[:, :6] = 0
    assert np.array_equal(seen(fits_file(bands)), seen(fits_file(empty)))
    assert "without a value" not in warned(fits_file(bands))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_core_without_values_is_filled_as_a_saturated_core_and_said(value: float):
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    bands = np.stack([level * np.exp(-4 * np.hypot(x, y)) for level in (1, 2, 3)]).astype(np.float32)
    data = bands.copy()
    data[:2, 18:22, 18:22] = value
    filled = bands.copy()
    filled[:, 18:22, 18:22] = bands[:, [17], [19]][..., None]
    assert np.array_equal(seen(fits_file(data)), picture(filled))
    assert "16 pixels without a value inside the picture were filled" in warned(fits_file(data))
    data[:, :, 20] = value
    assert "from the border to the centre" in refused(fits_file(data))


@pytest.mark.parametrize("value", [0.0, 7.0, -1.0, 1e-9])
def test_a_constant_or_black_picture_is_refused(value: float):
    with pytest.raises(BadImageError, match="every pixel has the same value"):
        WHOLE("a.fits", fits_file(np.full((3, SIDE, SIDE), value, np.float32)))


@pytest.mark.parametrize(
    ("cards", "order"),
    [
        ({"BANDS": "irg"}, "irg"),
        ({"BANDS": "i,r,g"}, "irg"),
        ({"FILTER": "r g i"}, "rgi"),
        ({"BAND0": "r", "BAND1": "g", "BAND2": "i"}, "rgi"),
        ({"FILTER1": "sdss_i", "FILTER2": "sdss_g", "FILTER3": "sdss_r"}, "igr"),
        ({"BAND1": "g DECam SDSS c0001 4720.0 1520.0", "BAND2": "i DECam c0003", "BAND3": "r DECam c0002"}, "gir"),
        ({"BANDS": "ugriz"}, "ugriz"),
    ],
)
def test_the_header_says_which_planes_are_g_r_and_i(cards: dict[str, str], order: str):
    bands = light(len(order))
    if len(order) == 5:
        bands[0] = np.nan  # a plane that is not used
    expected = picture(np.stack([bands[order.index(band)] for band in "gri"]))
    data = fits_file(bands, **cards)
    assert np.array_equal(seen(data), expected)
    assert "planes were taken" not in warned(data)


def test_the_option_says_which_planes_are_g_r_and_i():
    bands = light()
    turned = fits_file(bands[::-1])
    assert np.array_equal(
        seen(turned, bands="z,r,g"), picture(np.stack([bands[0], bands[1], (bands[1] + bands[2]) / 2]))
    )
    for text in ("i,r,g", "I, R, G", "3,2,1"):
        assert np.array_equal(seen(turned, bands=text), picture(bands))
    assert np.array_equal(seen(turned, bands="2"), seen(fits_file(bands[1])))
    assert "3 planes, and bands are 1,2,4" in refused(turned, bands="1,2,4")
    assert "3 planes, but 4 bands" in refused(turned, bands="u,g,r,i")
    for text in ("g,r", "0,1,2", "g,2,i", "", "1,2"):
        with pytest.raises(GalaxyError, match="it may name the planes in their order"):
            FitsOptions(bands=text)


def test_planes_that_nothing_names_are_taken_as_g_r_i_and_said():
    assert "the planes were taken as g, r, i (--bands names them)" in warned(fits_file(light(), **SLOAN))
    assert warned(fits_file(light(), BANDS="gri", **SLOAN)) == ""
    assert "4 planes; one, or three" in refused(fits_file(light(4)))


def test_bands_may_be_the_last_axis_if_they_are_named_and_axes_of_one_do_not_count():
    bands, last = light(), np.ascontiguousarray(light().transpose(1, 2, 0))
    for pixels in (last, last[None], bands[None], bands[None, None]):
        assert np.array_equal(seen(fits_file(pixels, BANDS="gri")), picture(bands))
        assert np.array_equal(seen(fits_file(pixels), bands="g,r,i"), picture(bands))
    assert np.array_equal(seen(fits_file(last), bands="3,2,1"), picture(bands[::-1]))
    axes = {"CTYPE2": "RA---TAN", "CTYPE3": "DEC--TAN", "CDELT2": -1.1e-4, "CDELT3": 1.1e-4, "BUNIT": "nanomaggy"}
    assert warned(fits_file(last, BANDS="gri", **axes)) == ""
    assert refused(fits_file(last)) == "40×40×3 values, the bands last, and no names of them; name them (--bands i,r,g)"
    several = fits_file(np.stack([bands, bands]), BANDS="gri")
    assert "2×3×40×40 values: several pictures in one image" in refused(several)


def test_legacy_surveys_bands_are_mapped_and_others_refused():
    g, r, z = bands = light()
    data = fits_file(bands, BANDS="grz", **SLOAN)
    assert np.array_equal(seen(data), picture(np.stack([g, r, (r + z) / 2])))
    assert warned(data) == "bands g, r, z: the mean of r and z was taken as i, which is not measured"
    assert "the bands are u, g, r; g, r and i are needed" in refused(fits_file(bands, BANDS="ugr"))
    three = {"FILTER1": "F606W", "FILTER2": "F814W", "FILTER3": "F160W"}
    assert "the bands are F606W, F814W, F160W" in refused(fits_file(bands, **three))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("nanomaggy", 1),
        ("nanomaggies", 1),
        ("Nanomaggies/pixel", 1),
        ("nmgy", 1),
        ("nMgy pix-1", 1),
        ("uJy", 1 / 3.631),
        ("µJy/pixel", 1 / 3.631),
        ("Jy", 1e6 / 3.631),
        ("maggies", 1e9),
    ],
)
def test_units_are_converted(unit: str, factor: float):
    cards = SLOAN | {"BUNIT": unit.replace("µ", "micro"), "BANDS": "gri"}
    data = fits_file((light() / factor).astype(np.float32), **cards)
    assert np.abs(seen(data).astype(int) - picture(light())).max() <= 1
    assert warned(data) == ""


@pytest.mark.parametrize("unit", ["counts", "adu", "electron/s", "DN", "MJy/sr", "mag", "nanomaggy/arcsec2", "Jy/beam"])
def test_other_units_are_refused_unless_a_scale_is_given(unit: str):
    data = fits_file(light(), BUNIT=unit)
    advice = "name the survey (--survey), or give the factor (--fits-scale)"
    assert refused(data) == f"pixels in {unit}, not nanomaggies; {advice}"
    assert np.array_equal(seen(data, scale=1.0), picture(light()))


def test_pixels_are_resampled_to_the_cameras_and_their_light_to_the_cameras_area():
    bands = light()
    bands[:] = bands.mean(axis=(1, 2), keepdims=True)  # the same light everywhere, whatever the pixels
    for cards in (
        {"CD1_1": -0.262 / 3600, "CD2_2": 0.262 / 3600},
        {"CDELT1": -0.262 / 3600, "CDELT2": 0.262 / 3600},
        {"CDELT1": -1 / 3600, "CDELT2": 1 / 3600, "PC1_1": 0.262, "PC2_2": 0.262},
    ):
        cards = {"BUNIT": "nanomaggy", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "BANDS": "gri"} | cards
        data = fits_file((bands * (0.262 / 0.396) ** 2).astype(np.float32), **cards)
        assert seen(data).shape == (26, 26, 3)  # 40 × 0.262 / 0.396
        assert np.abs(seen(data).astype(int) - picture(bands)[:26, :26]).max() <= 1
        assert warned(data) == ""
    bands = light()
    data = fits_file(bands, BUNIT="nanomaggy", BANDS="gri")
    assert warned(data) == "the header has no scale of pixels (WCS); 0.396″ was taken (--survey or --fits-scale)"
    assert "the header has no BUNIT" in warned(fits_file(bands))
    assert warned(fits_file(bands, BANDS="gri"), scale=1) == ""
    few = {
        "BUNIT": "nanomaggy",
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "BANDS": "gri",
        "CD1_1": -1e-5,
        "CD2_2": 1e-5,
    }
    said = "40×40 pixels of 0.036″ are 4×4 of the Sloan camera's, too few to see a galaxy"
    assert refused(fits_file(bands, **few)) == said
    assert "40×40 pixels of 3.6e+03″ are" in refused(fits_file(bands, **few | {"CD1_1": -1, "CD2_2": 1}))
    assert np.array_equal(seen(fits_file(bands, **few), scale=1), picture(bands))


def test_the_science_image_is_chosen_among_the_extensions():
    one, other = light()[0], light()[1]
    expected = seen(fits_file(one))
    for images in (
        (None, ("DQ", other), ("SCI", one), ("ERR", other)),
        (None, ("WEIGHT", other), ("IMAGE", one)),
        (None, ("invvar", other), ("mask", other), ("r band", one)),
        (one, ("INVVAR", other)),
        (one, ("other", other)),
        (other, ("SCI", one), ("WHT", other), ("VARIANCE", other), ("bkg_rms", other)),
    ):
        assert np.array_equal(seen(fits_file(*images)), expected)
    assert "several images: 0 (PRIMARY, 40×40), 1 (SCI, 40×40); 1 was taken" in warned(fits_file(other, ("SCI", one)))
    assert "several images" not in warned(fits_file(one, ("INVVAR", other)))


def test_where_no_image_is_the_science_image_the_error_lists_them():
    one, other = light()[0], light()[1]
    data = fits_file(None, ("first", one), ("second", other))
    assert refused(data).startswith("which image is the galaxy's? The file has 1 (first, 40×40), 2 (second, 40×40);")
    assert np.array_equal(seen(data, hdu="1"), seen(fits_file(one)))
    assert np.array_equal(seen(data, hdu="second"), seen(fits_file(other)))
    assert "0 images are '5'; the file has 1 (first" in refused(data, hdu="5")
    assert "which image" in refused(fits_file(None, ("SCI", one), ("SCI", other)))
    assert "1 (WEIGHT, 40×40)" in refused(fits_file(None, ("WEIGHT", one)))
    assert np.array_equal(seen(fits_file(None, ("WEIGHT", one)), hdu="weight"), seen(fits_file(one)))


def test_a_damaged_file_is_refused_in_its_own_words_and_fast():
    """Astropy raises errors of many types, and searches a gzipped file with a byte that is not ASCII without end."""
    whole, rng = fits_file(light(), BANDS="gri"), np.random.default_rng(0)
    packed = fits_file(np.rint(1000 * light()[0]).astype(np.int16), compressed=True)
    started = time.monotonic()
    damaged = [b"SIMPLF" + whole[6:], gzip.compress(b"XXXXXXXXXX" + whole[10:]), gzip.compress(whole)[:-3000]]
    damaged += [gzip.compress(b"SIMPLE \xc9" + whole[8:])]
    damaged += [whole[:-3000], whole[:100], b"SIMPLE", b"SIMPLE  =", gzip.compress(b""), b"\x1f\x8b"]
    for data in damaged:
        assert "no readable FITS file" in refused(data)
    for original in (whole, packed, gzip.compress(whole, 0)):
        for _ in range(100):
            data = bytearray(original)
            for place in rng.integers(0, min(len(data), 6000), 3):
                data[place] = rng.integers(256)
            try:
                assert seen(bytes(data)).dtype == np.uint8
            except BadImageError as error:
                assert "\n" not in str(error)  # noqa: PT017
    assert time.monotonic() - started < 30


def test_without_astropy_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "astropy.io", None)
    with pytest.raises(GalaxyError, match=r'FITS needs astropy; run `pip install "galaxy-zoo-pipeline\[fits\]"`'):
        read(fits_file(light()), FitsOptions())
