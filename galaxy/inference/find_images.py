"""Find the images that a user names: files, folders, globs, zips, and CSVs of paths."""

import functools
import glob
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from galaxy.core.errors import GalaxyError, describe
from galaxy.inference.read_image import SUFFIXES
from galaxy.ingest import archives
from galaxy.ingest.decode import BadImageError

COLUMN = "path"
"""The column of a CSV that names the images. Relative paths start from the CSV's folder."""

LARGEST_FILE = 2**30
"""Most bytes of an image in a zip: enough for FITS files and TIFFs of whole fields, too few to fill the memory."""


@dataclass(frozen=True)
class Source:
    """One image: its name in the results, and a function that reads its bytes (may raise OSError, BadImageError)."""

    name: str
    read: Callable[[], bytes]


def find(inputs: Sequence[str | Path]) -> list[Source]:
    """Return all images of the inputs, in their order, each name once.

    A folder stands for all images in it and its subfolders, sorted by name; a zip for all images in it; a CSV for the
    paths in its column `path`. A name with `*`, `?` or `[` that is no file stands for all files that match.

    Raises:
        GalaxyError: nothing is given, an input is absent, or a folder, zip, glob or CSV has no image or cannot be
            opened.
    """
    if missing := [str(text) for text in inputs if not Path(text).exists() and not glob.has_magic(str(text))]:
        raise GalaxyError(f"{', '.join(missing)}: no such file or folder")
    found = {source.name: source for text in inputs for source in _expand(str(text))}
    if not found:
        raise GalaxyError("no images given; name files, folders, globs, a zip or a CSV of paths")
    return list(found.values())


def _expand(text: str) -> list[Source]:
    path, where = Path(text), text
    if not path.exists() and glob.has_magic(text):
        # A pattern may match folders, zips and CSVs too. Other files beside the images, such as notes, are left out.
        where = repr(text)
        paths = map(Path, sorted(glob.glob(text, recursive=True)))  # noqa: PTH207 (Path's takes no absolute pattern)
        matched = [str(p) for p in paths if p.is_dir() or _is_image(p.name) or p.suffix.lower() in (".zip", ".csv")]
        found = [source for name in matched for source in _expand(name)]
    elif path.is_dir():
        found = [_file(item) for item in sorted(path.rglob("*")) if _is_image(item.name)]
    elif path.is_file() and path.suffix.lower() == ".zip":
        found = list(_members(path))
    elif path.is_file() and path.suffix.lower() == ".csv":
        found = _listed(path)
    else:
        found = [_file(path)]
    if not found:
        raise GalaxyError(f"{where}: no image there; images end in {', '.join(SUFFIXES)}")
    return found


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _file(path: Path) -> Source:
    return Source(str(path), path.read_bytes)


def _members(path: Path) -> Iterator[Source]:
    """Yield the images of a zip. The zip stays open, because they are read later."""
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


def _listed(path: Path) -> list[Source]:
    table = archives.read_table(path, str(path))
    if COLUMN not in table:
        raise GalaxyError(f"{path}: no column {COLUMN!r} with the images' paths; it has {', '.join(table.columns)}")
    files = [path.parent / name for name in table[COLUMN]]
    if files and not any(file.exists() for file in files):
        raise GalaxyError(f"{path}: none of its images exists, such as {files[0]}; paths start from the CSV's folder")
    return [_file(file) for file in files]
