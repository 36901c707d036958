"""Read zips of any origin: damaged, encrypted, in any compression, or made to fill the memory."""

import bz2
import copy
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from galaxy.core.errors import GalaxyError, describe

LARGEST_DIRECTORY = 2**26
"""Most bytes of a zip's list of members: ten times that of all test images. zipfile takes six times as many."""

LARGEST_ARCHIVE = 2**34
"""Most bytes of a zip in a zip: ten times the test images."""

_ENCRYPTED = 0x1
_LZMA_PROPERTIES, _LZMA_MEMORY = 5, 2**28

ADVICE = "Fetch the file again, or zip its content again (Deflate, no password)."


def _inflate_lzma(data: bytes, largest: int) -> bytes:
    """Inflate a zip's LZMA: a version and a length, 2 bytes each, then properties and data, as in an .lzma file."""
    properties, rest = data[4 : 4 + _LZMA_PROPERTIES], data[4 + _LZMA_PROPERTIES :]
    unknown_size = b"\xff" * 8
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY)
    return decompressor.decompress(properties + unknown_size + rest, largest)


_INFLATE: dict[int, Callable[[bytes, int], bytes]] = {
    zipfile.ZIP_STORED: lambda data, largest: data,
    zipfile.ZIP_DEFLATED: lambda data, largest: zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, largest),
    zipfile.ZIP_BZIP2: lambda data, largest: bz2.BZ2Decompressor().decompress(data, largest),
    zipfile.ZIP_LZMA: _inflate_lzma,
}

DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    OSError,  # bz2's
)
"""What opening or reading a damaged zip raises, from zipfile or from the member's compression."""


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading; raise a `GalaxyError` if the file is absent, truncated, no zip or a bomb."""
    try:
        # zipfile refuses a list that is longer than the file.
        if (size := _directory_size(path)) > LARGEST_DIRECTORY:
            raise GalaxyError(f"{path}: a list of members of {size:,} bytes, at most {LARGEST_DIRECTORY:,} are read")
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; run the download stage again (dvc repro --force download)") from None
    except PermissionError as error:
        raise GalaxyError(f"{path}: {error.strerror}; make it readable") from None
    except DAMAGED as error:
        raise GalaxyError(f"{path} is not a whole zip file ({describe(error)}); fetch it again") from None


def _directory_size(path: Path) -> int:
    """Return how many bytes the list of members has, by the records at a zip's end; 0 if there is none."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - zipfile.ZIP_MAX_COMMENT - 100))
        tail = file.read()
    record, record64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    sizes = [0 if record < 0 else int.from_bytes(tail[record + 12 : record + 16], "little")]
    if record64 >= 0:
        sizes.append(int.from_bytes(tail[record64 + 40 : record64 + 48], "little"))
    return max((size for size in sizes if size <= end), default=0)


def read_member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """Return a member's content, of at most `largest` bytes.

    zipfile would inflate all that a member's compressed bytes give, and then cut that to the size that it claims.

    Raises:
        zipfile.BadZipFile: the member is absent, too large, encrypted, damaged or in an unknown compression.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise zipfile.BadZipFile("no such member") from None
    if problem := reading_problem(info, largest):
        raise zipfile.BadZipFile(problem)
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # zipfile then checks none
    try:
        with archive.open(packed) as file:
            content = _INFLATE[info.compress_type](file.read(), info.file_size + 1)
    except DAMAGED as error:
        raise zipfile.BadZipFile(describe(error)) from None
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(f"does not inflate to the {info.file_size:,} bytes that it claims")
    if zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile("Bad CRC-32")
    return content


def open_to_stream(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """Open a member of any size, to be read in blocks; raise what is in `DAMAGED` if it cannot be read."""
    info = archive.getinfo(name)
    problem = reading_problem(info, LARGEST_ARCHIVE)
    if problem is None and info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        problem = f"has the compression {info.compress_type}, of which one block may fill the memory"
    if problem:
        raise zipfile.BadZipFile(problem)
    return archive.open(info)


def reading_problem(info: zipfile.ZipInfo, largest: int) -> str | None:
    """Return why a member cannot be read: it is encrypted, compressed in an unknown way, or too large."""
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in _INFLATE:
        return f"has the unknown compression {info.compress_type}"
    if max(info.file_size, info.compress_size) > largest:
        return f"claims {max(info.file_size, info.compress_size):,} bytes (at most {largest:,})"
    return None


def path_in_zip(name: str) -> PurePosixPath:
    """Return a member's path; some programs for Windows write backslashes."""
    return PurePosixPath(name.replace("\\", "/"))
