"""One image that a user named: its name, and how its bytes are read, here or in another process."""

import functools
import io
import re
import stat
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from galaxy.ingest import zips
from galaxy.ingest.decode import BadImageError

if TYPE_CHECKING:
    from galaxy.inference.lists import Row  # pandas takes a second, which the processes that read need not wait for

LARGEST_FILE = 2**30
"""Most bytes of a file that is read: enough for FITS files and TIFFs of whole fields."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BEGINNING = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|II[*+]\0|MM\0[*+]|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP|SIMPLE  =", re.DOTALL
)


@dataclass(frozen=True)
class Source:
    """One image: its name in the results, and a function that reads its bytes (may raise OSError, BadImageError).

    `path` is the file that holds it, and `row` its row in a list, if it has one. `read` can be pickled.
    """

    name: str
    read: Callable[[], bytes]
    path: Path | None = None
    row: "Row | None" = None


def printable(text: str) -> str:
    """Return a name as UTF-8 can hold and a terminal print it: other bytes and control characters as `\\x..`."""
    return _UNPRINTABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]) & 0xFF:02x}"


def as_utf8(text: str) -> str:
    """Return a text with `\\x..` for each byte that is not UTF-8 (Python's surrogates)."""
    return _SURROGATE.sub(_escape, text)


def note(text: str) -> None:
    """Print to stderr what is good to know about the images."""
    print(text, file=sys.stderr, flush=True)


def begins_as_image(data: bytes) -> bool:
    """Return whether a file's first 16 bytes are those of a JPEG, PNG, TIFF, GIF, BMP, WebP or FITS file."""
    return _BEGINNING.match(data) is not None


def read_file(path: Path) -> bytes:
    """Return a file's bytes; raise BadImageError if it is no file or too large."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise BadImageError("a folder; name the images in it")
    if not stat.S_ISREG(found.st_mode):
        raise BadImageError("a device or a pipe; name a file")
    if found.st_size > LARGEST_FILE:
        raise BadImageError(f"has {found.st_size:,} bytes (at most {LARGEST_FILE:,}); cut the galaxy out of it")
    return path.read_bytes()


def read_member(path: Path, name: str) -> bytes:
    """Return the bytes of a zip's member; raise BadImageError if it is damaged, encrypted or too large."""
    try:
        found = path.stat()
        return zips.read_member(_open(path, (found.st_ino, found.st_size, found.st_mtime_ns)), name, LARGEST_FILE)
    except zipfile.BadZipFile as error:
        raise BadImageError(f"damaged or encrypted in the zip ({error})") from None


@functools.lru_cache(maxsize=4)
def _open(path: Path, state: tuple[int, int, int]) -> zipfile.ZipFile:
    """Open a zip in a state; keep it open, because its table of members may be long. Another state is another zip."""
    return zipfile.ZipFile(path)


def encode_array(picture: np.ndarray) -> bytes:
    """Return a picture (H×W×3 uint8, RGB) as an uncompressed PNG."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()


def encode_pil(picture: Image.Image) -> bytes:
    """Return a picture of Pillow's as PNG; raise BadImageError if its pixels have more than 16 bits."""
    if picture.mode in ("I", "F"):
        raise BadImageError(f"pixels of Pillow's mode {picture.mode}; convert them to 8 or 16 bits per colour")
    if picture.mode not in ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"):
        picture = picture.convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def refuse(problem: str) -> bytes:
    """Raise BadImageError: stands for an image of which it is known why it cannot be read."""
    raise BadImageError(problem)
