"""Each image file gives the right pixels, or one line that names what it is."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import REAL
from PIL import Image

from galaxy.core import competition
from galaxy.inference.read_image import Crop, Reader
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper
from galaxy.ingest.formats import BadImageError, decode, kind

SIDE = 48
Y, X = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
COLOURS = np.dstack([X, Y, (X + Y) / 2])
"""A picture without symmetry, 0 to 1."""
PICTURE = np.rint(255 * COLOURS).astype(np.uint8)
GREY = np.repeat(PICTURE[..., :1], 3, axis=2)
TRAILERS = (b"\n", bytes(100), b"Exif and more\xff\xd9")


def tiff(pixels: np.ndarray, order: str = "<", planar: bool = False, pages: int = 1, **tags: int | tuple[int, ...]):
    """An uncompressed TIFF of H×W×samples; `tags` by number (`t262=1`) replace what it says about itself."""
    data = (np.moveaxis(pixels, 2, 0) if planar else pixels).astype(pixels.dtype.newbyteorder(order)).tobytes()
    height, width, samples = pixels.shape
    length, parts = len(data), samples if planar else 1
    numbers: dict[int, int | tuple[int, ...]] = {
        256: width,
        257: height,
        258: (8 * pixels.dtype.itemsize,) * samples,
        259: 1,
        262: 2,
        273: tuple(8 + part * length // parts for part in range(parts)),
        277: samples,
        278: height,
        279: (length // parts,) * parts,
        284: 2 if planar else 1,
        339: ({"u": 1, "i": 2, "f": 3}[pixels.dtype.kind],) * samples,
    }
    numbers |= {int(key[1:]): value for key, value in tags.items()}
    file = bytearray((b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 0) + data)
    link = 4
    for _ in range(pages):
        entries = b""
        for number, value in sorted(numbers.items()):
            values = value if isinstance(value, tuple) else (value,)
            packed = struct.pack(f"{order}{len(values)}I", *values)
            if len(values) > 1:
                packed = struct.pack(order + "I", len(file))
                file += struct.pack(f"{order}{len(values)}I", *values)
            entries += struct.pack(order + "HHI", number, 4, len(values)) + packed
        struct.pack_into(order + "I", file, link, len(file))
        file += struct.pack(order + "H", len(numbers)) + entries
        link = len(file)
        file += bytes(4)
    return bytes(file)


def saved(picture: np.ndarray | Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, form, **options)
    return buffer.getvalue()


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).normal(90, 30, (side, side, 3)).clip(0, 255).astype(np.uint8)


def alpha(pixels: np.ndarray) -> np.ndarray:
    """Add a sample that makes the lower half transparent."""
    opaque = np.full((SIDE, SIDE, 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    opaque[SIDE // 2 :] = 0
    return np.dstack([pixels, opaque])


UPPER = np.where(Y[..., None] < 0.5, PICTURE, 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_of_any_layout_gives_the_right_pixels(bits: int, order: str):
    kind_of_number = f"u{bits // 8}"
    most = np.iinfo(kind_of_number).max
    colours = np.rint(most * COLOURS).astype(kind_of_number)
    grey = colours[..., :1]
    files = {
        "RGB": (tiff(colours, order), PICTURE),
        "RGB in planes": (tiff(colours, order, planar=True), PICTURE),
        "grey": (tiff(grey, order, t262=1), GREY),
        "RGB and alpha": (tiff(alpha(colours), order, t338=2), UPPER),
        "RGB and alpha in planes": (tiff(alpha(colours), order, planar=True, t338=2), UPPER),
        "RGB and something else": (tiff(alpha(colours), order, t338=0), PICTURE),
        "turned": (tiff(np.rot90(colours), order, t274=6), PICTURE),
    }
    if order == "<" or bits == 8:
        files["white is zero"] = (tiff(most - grey, order, t262=0), GREY)
    if bits == 8:
        cmyk = np.dstack([255 - PICTURE, np.zeros((SIDE, SIDE), np.uint8)])
        files["CMYK"] = (tiff(cmyk, order, t262=5), PICTURE)
        files["CMYK in planes"] = (tiff(cmyk, order, planar=True, t262=5), PICTURE)
        files["grey and alpha"] = (tiff(alpha(grey), order, t262=1, t338=2), np.where(Y[..., None] < 0.5, GREY, 0))
    for name, (data, expected) in files.items():
        assert np.abs(decode(data).astype(int) - expected).max() <= 1, name


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_compressed_tiff_and_one_with_a_palette_give_the_right_pixels(compression: str):
    assert np.array_equal(decode(saved(PICTURE, "TIFF", compression=compression)), PICTURE)
    palette = Image.fromarray(PICTURE).quantize(256)
    assert np.array_equal(decode(saved(palette, "TIFF", compression=compression)), np.asarray(palette.convert("RGB")))
    one_bit = Image.fromarray(PICTURE).convert("1")
    assert np.array_equal(decode(saved(one_bit, "TIFF", compression=compression)), np.asarray(one_bit.convert("RGB")))


SIXTEEN = (257 * PICTURE.astype(np.uint16)).astype(np.uint16)

REFUSED = {
    "float": (tiff(COLOURS.astype(np.float32)), "TIFF, RGB, 3 samples of 32 bits (float)"),
    "float, grey": (tiff(COLOURS[..., :1].astype(np.float32), t262=1), "TIFF, grey, 1 samples of 32 bits (float)"),
    "half": (tiff(COLOURS.astype(np.float16)), "3 samples of 16 bits (float)"),
    "32 bits": (tiff(PICTURE.astype(np.uint32)), "3 samples of 32 bits (unsigned)"),
    "signed": (tiff(PICTURE.astype(np.int16)), "3 samples of 16 bits (signed)"),
    "signed, grey": (tiff(PICTURE[..., :1].astype(np.int8), t262=1), "1 samples of 8 bits (signed)"),
    "CIELab": (tiff(PICTURE, t262=8), "TIFF, CIELab"),
    "YCbCr": (tiff(PICTURE, t262=6), "TIFF, YCbCr"),
    "CMYK of 16 bits": (tiff(np.dstack([SIXTEEN, SIXTEEN[..., :1]]), t262=5), "TIFF, CMYK, 4 samples of 16 bits"),
    "five samples": (tiff(np.dstack([PICTURE, PICTURE[..., :2]])), "TIFF, RGB, 5 samples"),
    "alpha that is not said": (tiff(alpha(PICTURE)), "TIFF, RGB, 4 samples"),
    "grey of 16 bits, alpha": (tiff(alpha(SIXTEEN[..., :1]), t262=1, t338=2), "TIFF, grey, 2 samples of 16 bits"),
    "three pages": (tiff(PICTURE, pages=3), "TIFF of 3 pictures; save the one of the galaxy"),
    "JPEG inside": (saved(PICTURE, "TIFF", compression="jpeg"), "TIFF with the compression JPEG; save it with LZW"),
    "CCITT": (saved(Image.new("1", (50, 50)), "TIFF", compression="group4"), "TIFF with the compression CCITT"),
    "BigTIFF, big-endian": (b"MM\0+\0\x08\0\0" + bytes(100), "BigTIFF with the most significant byte first"),
    "a predictor without compression": (tiff(PICTURE, t317=2), "TIFF with a predictor but without LZW"),
    "strips beyond the end": (tiff(PICTURE, t273=10**6), "damaged or truncated TIFF"),
    "too few strips": (tiff(PICTURE, t278=SIDE // 2, t279=SIDE * SIDE * 3 // 2), "damaged or truncated TIFF"),
    "moving GIF": (
        saved(Image.fromarray(PICTURE), "GIF", save_all=True, append_images=[Image.fromarray(GREY)]),
        "GIF of 2 pictures",
    ),
    "moving WebP": (
        saved(Image.fromarray(PICTURE), "WEBP", save_all=True, append_images=[Image.fromarray(GREY)]),
        "WEBP of 2 pictures",
    ),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_read_right_is_refused_by_its_kind(data: bytes, message: str):
    with pytest.raises(BadImageError) as error:
        decode(data)
    assert message in str(error.value)


def test_a_png_of_16_bits_gives_the_right_pixels():
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 65536, (SIDE, SIDE, 3)).astype(np.uint16)
    for pixels in (deep, deep[..., 0]):
        data = cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes()
        expected = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        assert np.abs(decode(data) - expected / 257).max() <= 1


def test_a_flipped_bit_in_a_png_is_refused():
    whole = saved(PICTURE, "PNG")
    data = bytearray(whole)
    for place in range(whole.index(b"IDAT") + 6, whole.index(b"IEND") - 8, 97):
        data[:] = whole
        data[place] ^= 4
        with pytest.raises(BadImageError, match="damaged"):
            decode(bytes(data))


def test_a_transparent_colour_is_black_in_8_bits_and_refused_in_16():
    palette = Image.fromarray(PICTURE).quantize(16)
    seen = decode(saved(palette, "PNG", transparency=3))
    assert np.array_equal(seen.any(axis=2), np.asarray(palette) != 3)
    deep = cv2.imencode(".png", SIXTEEN[..., 0])[1].tobytes()
    chunk = b"tRNS" + struct.pack(">H", 0)
    chunk = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(BadImageError, match="transparent colour"):
        decode(deep[:33] + chunk + deep[33:])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_of_exif_is_honoured_in_all_formats(form: str, orientation: int):
    stored: Callable[[np.ndarray], np.ndarray] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}.get(form, {})
    for picture in (PICTURE, PICTURE[6:-6]):  # square JPEGs take the pipeline's own way
        data = saved(np.ascontiguousarray(stored(picture)), form, exif=exif, **options)
        side = min(picture.shape[:2])
        seen = Reader(Crop(1.0), side)("a", data).pixels
        left = (SIDE - side) // 2
        assert np.abs(seen.astype(int) - picture[:, left : left + side]).max() <= 6


def test_a_jpeg_with_a_further_picture_is_the_first():
    """Cameras append previews."""
    several = saved(Image.fromarray(PICTURE), "MPO", save_all=True, append_images=[Image.fromarray(GREY)])
    assert np.abs(Reader(Crop(1.0), SIDE)("a", several).pixels.astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize("exif", [b"no tags", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x12\x01\x03"])
def test_damaged_exif_turns_nothing(exif: bytes):
    data = saved(PICTURE, "JPEG", exif=b"Exif\0\0" + exif)
    try:
        assert np.abs(decode(data).astype(int) - PICTURE).mean() < 3
    except BadImageError as error:
        assert "damaged EXIF" in str(error)  # noqa: PT017


@pytest.mark.parametrize("after", TRAILERS)
def test_bytes_after_the_end_of_a_whole_jpeg_do_not_matter(after: bytes):
    whole = saved(PICTURE, "JPEG")
    assert np.array_equal(decode(whole + after), decode(whole))
    cropper = Cropper(SIDE, 24, 12)
    assert np.array_equal(cropper(whole + after)[0], cropper(whole)[0])


def test_a_jpeg_that_libjpeg_warns_about_is_refused_and_nothing_is_on_stderr(capfd: pytest.CaptureFixture[str]):
    whole = saved(noise(64), "JPEG", quality=95)
    start = whole.index(b"\xff\xda") + 14
    end = b"\xff\xd9"
    for data in (
        whole[: len(whole) // 2],
        whole[:-1],
        whole[: len(whole) // 2] + end,
        whole[:start] + end,
        whole[: start + 900] + bytes(50) + whole[start + 950 :],
        saved(noise(64), "JPEG", progressive=True)[:-40],
    ):
        for use in (decode, Cropper(64, 32, 16)):
            with pytest.raises(BadImageError, match="truncated"):
                use(data)
    assert capfd.readouterr().err == ""


def test_many_flipped_bits_of_a_jpeg_are_refused_silently(capfd: pytest.CaptureFixture[str]):
    """Not all: many give other coefficients of the same length, which no decoder can notice."""
    whole = saved(noise(424), "JPEG")
    rng, refused = np.random.default_rng(0), 0
    for place in rng.integers(whole.index(b"\xff\xda") + 14, len(whole) - 2, 60):
        data = bytearray(whole)
        data[place] ^= 1 << rng.integers(8)
        try:
            decode(bytes(data))
        except BadImageError:
            refused += 1
    assert refused >= 10
    assert capfd.readouterr().err == ""


def test_cmyk_and_grey_jpegs_give_the_right_pixels():
    smooth = Image.fromarray(PICTURE)
    for mode in ("L", "CMYK"):
        seen = decode(saved(smooth.convert(mode), "JPEG", quality=98))
        assert np.abs(seen.astype(int) - np.asarray(smooth.convert(mode).convert("RGB"))).max() <= 6


@pytest.mark.parametrize(
    ("crop", "size", "factor", "flag"),
    [
        (212, 212, 1, cv2.IMREAD_COLOR_BGR),
        (212, 106, 2, cv2.IMREAD_REDUCED_COLOR_2),
        (424, 106, 4, cv2.IMREAD_REDUCED_COLOR_4),
    ],
)
@pytest.mark.parametrize("source", ["simulated", "real"])
def test_jpegs_are_packed_as_opencv_decodes_them(raw: Path, source: str, crop: int, size: int, factor: int, flag: int):
    """Byte for byte, so that results stay as they were when OpenCV decoded."""
    folder = raw if source == "simulated" else REAL
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    cropper = Cropper(424, crop, size)
    assert cropper.factor == factor
    path = competition.zip_path(folder, competition.TRAINING_IMAGES)
    members = list(archives.image_members(path).values())
    low = (424 - crop) // 2 // factor
    with archives.open_zip(path) as archive:
        for member in members[:: max(len(members) // 40, 1)]:
            data = archive.read(member)
            whole = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
            assert np.array_equal(cropper(data)[0], whole[low : low + size, low : low + size, ::-1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an empty file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF"),
        (bytes(257) + b"ustar\x0000", "a tar archive"),
        (b"PK\x03\x04 and so on", "a zip"),
        (b"%PDF-1.7", "a PDF"),
        (b"\n<!DOCTYPE html><html></html>", "a web page"),
        (b'<?xml version="1.0"?>', "an XML file"),
        ("Grüße, no image\n".encode(), "text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\xff\xd8\xff\xe0 and so on", "a damaged JPEG"),
        (bytes(range(256)), "an unknown format"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, words: str):
    assert kind(data).startswith(words)
    with pytest.raises(BadImageError) as error:
        decode(data)
    assert f"no readable image ({len(data)} bytes): {words}" in str(error.value)
    assert "accepted: JPEG, PNG, TIFF, WebP, BMP, GIF and FITS" in str(error.value)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_a_picture_of_one_colour_is_refused(form: str):
    with pytest.raises(BadImageError, match="every pixel has the same value"):
        Reader(Crop(0.5), 16)("a", saved(np.zeros((SIDE, SIDE, 3), np.uint8), form))
