"""Which images somebody means: files, folders, globs, zips, and CSVs of paths, in one list of names and readers."""

import functools
import glob
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from galaxy.ingest import archives
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.ingest.decode import BadImageError
from galaxy.inference.read_image import SUFFIXES

COLUMN = "path"
"""The column of a CSV that names the images; relative paths start from the CSV's folder."""

LARGEST_FILE = 2**30
"""Bytes that a member of a zip may have: FITS files and TIFFs of whole fields fit, what would fill the memory not."""


@dataclass(frozen=True)
class Source:
    """One image: the name it goes by in the results, and how to get its bytes (`OSError`, `BadImageError`)."""

    name: str
    read: Callable[[], bytes]


def find(inputs: Sequence[str | Path]) -> list[Source]:
    """All images of the inputs, in their order, each name once.

    A folder stands for every image in it and below, by name; a zip for every image in it; a CSV for the paths in its
    column `path`; a name with `*`, `?` or `[` in it, that is no file, for all that match.

    Raises:
        GalaxyError: nothing is given, a folder, zip, glob or CSV has no image, or cannot be opened.
    """
    found = {source.name: source for text in inputs for source in _expand(str(text))}
    if not found:
        raise GalaxyError("no images given; name files, folders, globs, a zip or a CSV of paths")
    return list(found.values())


def _expand(text: str) -> Iterator[Source]:
    path = Path(text)
    if not path.exists() and glob.has_magic(text):
        # What a pattern matches may be a folder, a zip or a CSV in turn; a text beside the images is none of them.
        paths = map(Path, sorted(glob.glob(text, recursive=True)))  # noqa: PTH207 (Path's takes no absolute pattern)
        matched = [str(p) for p in paths if p.is_dir() or _is_image(p.name) or p.suffix.lower() in (".zip", ".csv")]
        yield from _some((source for name in matched for source in _expand(name)), repr(text))
    elif path.is_dir():
        yield from _some((_file(item) for item in sorted(path.rglob("*")) if _is_image(item.name)), text)
    elif path.is_file() and path.suffix.lower() == ".zip":
        yield from _some(_members(path), text)
    elif path.is_file() and path.suffix.lower() == ".csv":
        yield from _some(_listed(path), text)
    else:
        yield _file(path)


def _some(sources: Iterator[Source], where: str) -> list[Source]:
    listed = list(sources)
    if not listed:
        raise GalaxyError(f"{where}: no image there; images end in {', '.join(SUFFIXES)}")
    return listed


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _file(path: Path) -> Source:
    return Source(str(path), path.read_bytes)


def _members(path: Path) -> Iterator[Source]:
    """The images of a zip, left open: they are read later."""
    archive = archives.open_zip(path)
    for name in archive.namelist():
        if _is_image(PurePosixPath(name).name) and "__MACOSX" not in name:
            yield Source(f"{path}/{name}", functools.partial(_read_member, archive, name))


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > LARGEST_FILE:
        raise BadImageError(f"claims {size:,} bytes (at most {LARGEST_FILE:,})")
    try:
        return archive.read(name)
    except (RuntimeError, *archives.DAMAGED) as error:  # RuntimeError: encrypted
        raise BadImageError(f"damaged or encrypted in the zip ({describe(error)})") from None


def _listed(path: Path) -> Iterator[Source]:
    table = archives.read_table(path, str(path))
    if COLUMN not in table:
        raise GalaxyError(f"{path}: no column {COLUMN!r} with the images' paths; it has {', '.join(table.columns)}")
    return (_file(path.parent / name) for name in table[COLUMN])
