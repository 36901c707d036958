"""Image files of any kind: which format it is, and pixels for all formats but FITS.

JPEGs are decoded by libjpeg-turbo (simplejpeg), where each of libjpeg's warnings is an error; all others by Pillow, for
kinds that it reads right. No pixel is returned that was not decoded for certain.
"""

import io
import warnings
from typing import Any

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Tags

from galaxy.core.errors import describe

ACCEPTED = "JPEG, PNG, TIFF, WebP, BMP, GIF and FITS"

_FORMATS = ["JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"]
"""Pillow's names."""

_MAGIC = {
    b"\xff\xd8\xff": "a damaged JPEG",
    b"\x89PNG": "a damaged PNG",
    b"GIF8": "a damaged GIF",
    b"RIFF": "a damaged WebP, or sound or video (RIFF)",
    b"SIMPLE": "a damaged FITS file",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000",
    b"\x00\x00\x00\x0cJXL": "a JPEG XL",
    b"\xff\x0a": "a JPEG XL",
    b"8BPS": "a Photoshop file",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"XISF": "an XISF file",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"PAR1": "a Parquet table",
    b"SQLite": "an SQLite database",
    b"version https://git-lfs": "a pointer of Git LFS, without the file's content",
}
_MARKUP = {b"<!doctype html": "a web page", b"<html": "a web page", b"<svg": "an SVG", b"<?xml": "an XML file"}

_SAMPLES = {
    0: (1, {1, 2, 4, 8, 16}, "WhiteIsZero"),
    1: (1, {1, 2, 4, 8, 16}, "grey"),
    2: (3, {8, 16}, "RGB"),
    3: (1, {1, 2, 4, 8}, "palette"),
    5: (4, {8}, "CMYK"),
}
"""By TIFF's photometric interpretation: how many samples a pixel has, the bits that a sample may have, and a name."""

_OTHER_INTERPRETATIONS = {4: "transparency mask", 6: "YCbCr", 8: "CIELab", 9: "ICCLab", 10: "ITULab", 32844: "LogL"}
_COMPRESSIONS = {1, 5, 8, 32946, 32773, 34925, 50000}
"""None, LZW, deflate (twice), PackBits, LZMA and Zstandard: their decoders notice what is missing."""
_OTHER_COMPRESSIONS = {2: "CCITT", 3: "CCITT", 4: "CCITT", 6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP"}
_NUMBERS = {1: "unsigned", 2: "signed", 3: "float", 5: "complex", 6: "complex"}
_TIFF_ADVICE = "TIFF may be grey, RGB, palette or CMYK, with 8 or 16 bits per colour; save it so, or as FITS"

_ORIENTATION = ExifTags.Base.Orientation
_INTERPRETATION = 262

# Unreadable images are named in our own words; what Pillow prints about them, and about large images, is noise.
warnings.filterwarnings("ignore", module=r"PIL\.")
TiffImagePlugin.READ_LIBTIFF = True  # Pillow's own reader of uncompressed TIFF mixes up the bytes of 16-bit planes


class BadImageError(Exception):
    """An image that cannot be used; the message says why, the caller knows which."""


def header(data: bytes, accepted: str = ACCEPTED) -> tuple[str, str, tuple[int, int]]:
    """Return an image file's format, colour mode (Pillow's names) and (width, height), without decoding pixels.

    Raises:
        BadImageError: it is no image (the message says what it is instead, and what is `accepted`), or has too many
            pixels for the memory (Pillow's limit).
    """
    with _open(data, accepted) as image:
        # Cameras append further pictures to a JPEG (MPO); the first is the picture.
        return "JPEG" if image.format == "MPO" else str(image.format), image.mode, image.size


def _open(data: bytes, accepted: str) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise BadImageError("too many pixels; cut the galaxy out of it") from None
    except UnidentifiedImageError:
        if data[:2] in (b"II", b"MM"):
            _check_tiff(data)
    except Exception:  # noqa: S110 (a damaged file may raise anything in Pillow)
        pass
    raise BadImageError(f"no readable image ({len(data)} bytes): {kind(data)}; accepted: {accepted}")


def kind(data: bytes) -> str:
    """Say in words what a file's first bytes show it to be."""
    if not data:
        return "an empty file"
    if data[4:8] == b"ftyp":
        return {b"avi": "an AVIF", b"hei": "a HEIC", b"hev": "a HEIC", b"mif": "a HEIC or AVIF"}.get(
            data[8:11], "a video"
        )
    if data[257:262] == b"ustar":
        return "a tar archive"
    for start, name in _MAGIC.items():
        if data.startswith(start):
            return name
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return f"a TIFF that is damaged or of another kind ({_TIFF_ADVICE})"
    text = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, name in _MARKUP.items():
        if text.startswith(start):
            return name
    if not any(byte < 32 and byte not in b"\t\n\r\f" for byte in data[:1000]) and _is_utf8(data[:1000]):
        return "text"
    return "an unknown format"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > len(data) - 4  # cut within a character
    return True


def jpeg(data: bytes, smallest: int = 0) -> np.ndarray:
    """Decode a JPEG to H×W×3 uint8, BGR, without turning it as its EXIF says.

    Args:
        smallest: a decoder may shrink the image by whole factors, as long as its sides stay at least so long; 0: none.

    Raises:
        BadImageError: libjpeg reports a mistake or a warning: data that are damaged, missing or left over.
    """
    try:
        return simplejpeg.decode_jpeg(data, "BGR", min_height=smallest, min_width=smallest, strict=True)
    except ValueError as error:
        raise BadImageError(f"damaged or truncated JPEG ({describe(error)})") from None


def decode(data: bytes) -> np.ndarray:
    """Decode an image file of any accepted format but FITS to H×W×3 uint8, RGB, turned as its EXIF says.

    16 bits become 8, grey three equal colours, and transparent pixels black.

    Raises:
        BadImageError: see `header`; or it is damaged, has several pictures, or is of a kind that is not read right.
    """
    form, mode, _ = header(data)
    if form == "JPEG":
        pixels = jpeg(data)  # decides whether it is whole
        if mode != "CMYK":
            return turned(pixels[..., ::-1], data)
    if form == "TIFF":
        _check_tiff(data)
    try:
        if form == "PNG":
            with _open(data, ACCEPTED) as image:
                image.verify()  # the checksums, which decoding leaves out
        with _open(data, ACCEPTED) as image:
            if form != "JPEG" and (frames := getattr(image, "n_frames", 1)) > 1:
                raise BadImageError(f"{form} of {frames} pictures; save the one of the galaxy")
            white_is_zero = form == "TIFF" and image.tag_v2.get(262) == 0  # type: ignore[attr-defined]
            image.load()
            if form == "PNG" and data[24] == 16 and "transparency" in image.info:
                raise BadImageError("PNG of 16 bits with a transparent colour; save it with 8 bits or without")
            ImageOps.exif_transpose(image, in_place=True)
            return _rgb(image, white_is_zero)
    except BadImageError:
        raise
    except Exception as error:  # a damaged file may raise anything in Pillow
        raise BadImageError(f"damaged or truncated {form} ({describe(error)})") from None


def turned(pixels: np.ndarray, data: bytes) -> np.ndarray:
    """Turn and mirror the H×W×3 pixels of an image file as its EXIF says, if it has one."""
    try:
        with _open(data, ACCEPTED) as image:
            exif = image.getexif()
    except Exception as error:  # damaged EXIF may raise anything
        raise BadImageError(f"damaged EXIF ({describe(error)})") from None
    if exif.get(_ORIENTATION, 1) == 1:
        return pixels
    picture = Image.fromarray(pixels)
    picture.getexif()[_ORIENTATION] = exif[_ORIENTATION]
    return np.asarray(ImageOps.exif_transpose(picture))


def _rgb(image: Image.Image, white_is_zero: bool) -> np.ndarray:
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.float32) / 257
        grey = np.rint(255 - grey if white_is_zero else grey).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F", "LAB", "YCbCr", "HSV"):
        raise BadImageError(f"pixels of mode {image.mode}; save it with 8 or 16 bits per colour, or as FITS")
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return np.asarray(cv2.convertScaleAbs(rgba[..., :3] * (rgba[..., 3:].astype(np.float32) / 255)))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _check_tiff(data: bytes) -> None:
    """Refuse each kind of TIFF that is not known to be read right; raise BadImageError that says which kind it is."""
    if data[:4] == b"MM\0+":
        raise BadImageError(f"BigTIFF with the most significant byte first; {_TIFF_ADVICE}")
    file = io.BytesIO(data)
    try:
        tags: Any = Tags(data[:16] if data[2] == 43 else data[:8])  # BigTIFF's header is longer
        file.seek(tags.next)
        tags.load(file)
        if missing := {256, 257, 262} - set(tags):
            raise ValueError(f"no tag {min(missing)}")
        bits, sort, samples = set(tags.get(258, (1,))), tags[262], tags.get(277, 1)
        extra, numbers = tuple(tags.get(338, ())), set(tags.get(339, (1,)))
        compression, predictor = tags.get(259, 1), tags.get(317, 1)
        name = _SAMPLES[sort][2] if sort in _SAMPLES else _OTHER_INTERPRETATIONS.get(sort, f"interpretation {sort}")
        depth = f"{'+'.join(map(str, sorted(bits)))} bits ({_NUMBERS.get(max(numbers), 'undefined')})"
    except Exception as error:  # damaged tags may raise anything
        raise BadImageError(f"damaged TIFF ({describe(error)})") from None
    needed, allowed, _ = _SAMPLES.get(sort, (0, set(), ""))
    with_alpha = samples == needed + 1 and (extra in ((0,), (1,), (2,)) if sort == 2 else bits == {8} and extra == (2,))
    right = numbers == {1} and len(bits) == 1 and bits <= allowed
    if not (right and ((samples == needed and not extra) or (sort in (1, 2) and with_alpha))):
        raise BadImageError(f"TIFF, {name}, {samples} samples of {depth}; {_TIFF_ADVICE}")
    if compression not in _COMPRESSIONS:
        how = _OTHER_COMPRESSIONS.get(compression, compression)
        raise BadImageError(f"TIFF with the compression {how}; save it with LZW, deflate or none")
    if predictor != 1 and compression in (1, 32773):  # libtiff ignores it then
        raise BadImageError("TIFF with a predictor but without LZW or deflate; save it with one of them")
