"""Find the images that a user names: files, folders, globs, zips, lists of paths, arrays and pictures of Pillow's."""

import functools
import glob
import itertools
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from galaxy.core.errors import GalaxyError
from galaxy.core.files import is_hidden
from galaxy.inference import lists, sources
from galaxy.inference.lists import Listing, Row
from galaxy.inference.read_image import SUFFIXES
from galaxy.inference.sources import Source, note, printable
from galaxy.ingest import archives, zips

LARGEST_PICTURE = 2**24
"""Most pixels of an array or a picture of Pillow's: the processes that read have to hold several copies."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ORIENTATION = 0x0112
"""The EXIF tag that says how to turn a picture."""


def find(inputs: Iterable[Any]) -> list[Source]:
    """Return all images of the inputs, in their order; say on stderr what is left out of folders, zips and globs.

    A folder stands for all images in it and its subfolders, sorted by name, without hidden ones; a zip for all images
    in it; a list (see `galaxy.inference.lists`) for the paths in it. A name with `*`, `?` or `[` that is no file
    stands for all files that match. Each image is taken once, but a list keeps all its rows.

    Args:
        inputs: names (str or path-like), arrays (H×W×3 or N×H×W×3 uint8, RGB), pictures of Pillow's, tables with a
            column of paths; and lists, Series or arrays of all these, with a row per image, even for the same one.

    Raises:
        GalaxyError: nothing is given, an input is absent, or a folder, zip, glob or list has no image or cannot be
            opened; an array has another shape or type.
        TypeError: an input is of another type.
    """
    inputs = list(inputs)
    names = [os.fspath(item) for item in inputs if isinstance(item, str | os.PathLike)]
    if missing := [name for name in names if not Path(name).exists() and not glob.has_magic(name)]:
        what = "a URL; download the image and name the file" if _URL.match(missing[0]) else "no such file or folder"
        raise GalaxyError(f"{printable(', '.join(missing))}: {what}")
    found: dict[str | int, Source] = {}
    numbers = itertools.count(1)
    for item in inputs:
        once = isinstance(item, str | os.PathLike)
        for source in _given(item, numbers):
            found[source.name if once and source.row is None else len(found)] = source
    if not found:
        raise GalaxyError("no images given; name files, folders, globs, a zip or a CSV of paths")
    return list(found.values())


def columns(found: Sequence[Source]) -> pd.DataFrame:
    """Return the columns of the lists that the images come from, and `file`: their names, in a list as written."""
    parts = []
    for listing, group in itertools.groupby(found, key=lambda source: source.row.listing if source.row else None):
        members = list(group)
        if listing is None:
            parts.append(pd.DataFrame({lists.FILE: [source.name for source in members]}))
        else:
            rows = [source.row.number for source in members if source.row]
            files = [sources.as_utf8(listing.paths[row]) for row in rows]
            parts.append(listing.columns.iloc[rows].assign(**{lists.FILE: files}))
    table = pd.concat(parts, ignore_index=True)
    return table[[*(name for name in table if name != lists.FILE), lists.FILE]]


def _given(item: Any, numbers: Iterator[int]) -> Iterator[Source]:
    """Yield the images of one input; `numbers` are those of pictures without a name."""
    if isinstance(item, str | os.PathLike):
        yield from _expand(os.fspath(item))
    elif isinstance(item, pd.DataFrame):
        yield from _listed(lists.listing(item.reset_index(drop=True), "the table"), Path())
    elif isinstance(item, Image.Image):
        _check_size(*item.size)
        if item.getexif().get(_ORIENTATION, 1) != 1:
            item = ImageOps.exif_transpose(item)
        yield Source(f"image {next(numbers)}", functools.partial(sources.encode_pil, item))
    elif isinstance(item, np.ndarray) and item.dtype.kind not in "OUT":
        if item.dtype != np.uint8 or item.ndim not in (3, 4) or item.shape[-1] != 3:
            raise GalaxyError(
                f"an array of {item.dtype} with shape {item.shape}; pictures are uint8 (0 to 255), H×W×3 (red, green, "
                "blue) or N×H×W×3"
            )
        for picture in item.reshape(-1, *item.shape[-3:]):
            _check_size(*picture.shape[:2])
            yield Source(f"image {next(numbers)}", functools.partial(sources.encode_array, picture))
    elif isinstance(item, Iterable) and not isinstance(item, bytes | bytearray | set | frozenset | dict):
        for part in item:
            yield from _given(part, numbers)
    else:
        raise TypeError(
            f"{type(item).__name__} given; images are paths, uint8 arrays (H×W×3 or N×H×W×3), pictures of Pillow's, "
            "and lists, Series or arrays of these"
        )


def _check_size(*sides: int) -> None:
    if math.prod(sides) > LARGEST_PICTURE:
        raise GalaxyError(
            f"a picture of {sides[0]}×{sides[1]} pixels, too large to be handed over (at most {LARGEST_PICTURE:,}); "
            "crop it, or save it and name the file"
        )


def _expand(text: str) -> list[Source]:
    path = Path(text)
    if not path.exists() and glob.has_magic(text):
        return _matching(text)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file() and path.suffix.lower() == ".zip":
        return _members(path)
    if path.is_file() and path.name.lower().endswith(lists.ENDINGS):
        return _listed(lists.read(path), path.parent)
    return [_file(path)]


def _matching(pattern: str) -> list[Source]:
    """Return the images that match a pattern, and those in folders, zips and lists that match."""
    found: list[Source] = []
    left_out = _LeftOut(repr(pattern))
    texts = tuple(ending for ending in lists.ENDINGS if ".txt" not in ending or pattern.lower().endswith(ending))
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 (Path's takes no absolute pattern)
        path = Path(name)
        if path.is_dir():
            found += _in_folder(path, whole=False)
        elif left_out.hidden(path.name):
            continue
        elif path.name.lower().endswith((".zip", *texts)):
            found += _expand(name)
        elif _is_image(path.name, functools.partial(_beginning, path)):
            found.append(_file(path))
        else:
            left_out.add(path.name)
    return left_out.checked(found)


def _in_folder(folder: Path, whole: bool = True) -> list[Source]:
    """Return a folder's images; if it stands for a `whole` input, there must be one. Links to folders are followed."""
    found: list[Source] = []
    left_out = _LeftOut(str(folder))
    seen: set[str] = set()

    def unreadable(error: OSError) -> None:
        place = Path(str(error.filename))
        found.append(Source(printable(str(place)), functools.partial(os.listdir, place), place))  # type: ignore[arg-type]

    for name, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(name)
        if real in seen:  # behind a link
            folders.clear()
            continue
        seen.add(real)
        place = Path(name)
        folders[:] = [part for part in sorted(folders) if not left_out.hidden(part)]
        for part in files:
            if left_out.hidden(part):
                continue
            if _is_image(part, functools.partial(_beginning, place / part)):
                found.append(_file(place / part))
            else:
                left_out.add(part)
    found.sort(key=lambda source: source.path or folder)
    return left_out.checked(found, whole)


def _members(path: Path) -> list[Source]:
    """Return the images of a zip."""
    found: list[Source] = []
    left_out = _LeftOut(str(path))
    with archives.open_zip(path) as archive:
        for name in dict.fromkeys(archive.namelist()):
            member = PurePosixPath(name)
            if name.endswith("/") or any(left_out.hidden(part) for part in member.parts):
                continue
            if _is_image(member.name, functools.partial(_member_beginning, archive, name)):
                read = functools.partial(sources.read_member, path.absolute(), name)
                found.append(Source(printable(f"{path}/{name}"), read, path))
            else:
                left_out.add(member.name)
    return left_out.checked(found)


def _member_beginning(archive: Any, name: str) -> bytes:
    try:
        with zips.open_to_stream(archive, name) as file:
            return file.read(16)
    except Exception:  # damaged or encrypted: of zipfile, or of any of its decompressors
        return b""


class _LeftOut:
    """What is left out of a folder, zip or glob, to say it in one line."""

    def __init__(self, where: str) -> None:
        self.where = printable(where)
        self.others: list[str] = []
        self.hidden_ones: list[str] = []

    def hidden(self, name: str) -> bool:
        """Return whether a file or folder is hidden, and count it if it is."""
        if name == ".." or is_hidden(PurePosixPath(name)):
            self.hidden_ones.append(name)
            return True
        return False

    def add(self, name: str) -> None:
        """Count a file that is no image."""
        self.others.append(name)

    def checked(self, found: list[Source], whole: bool = True) -> list[Source]:
        """Say what is left out; return the images, of which a `whole` input has one."""
        if whole and not found:
            endings = ", ".join(SUFFIXES)
            raise GalaxyError(f"{self.where}: no image there; images end in {endings}{self._text('; it has ')}")
        if text := self._text(f"left out of {self.where}: "):
            note(text)
        return found

    def _text(self, start: str) -> str:
        parts = []
        if self.others:
            kinds = Counter(Path(name).suffix.lower() or "without an ending" for name in self.others)
            named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
            parts.append(f"{len(self.others)} files that are no images read here ({named}; such as {self.others[0]})")
        if self.hidden_ones:
            parts.append(f"{len(self.hidden_ones)} hidden ({', '.join(dict.fromkeys(self.hidden_ones[:3]))})")
        return printable(start + " and ".join(parts)) if parts else ""


def _is_image(name: str, beginning: Callable[[], bytes]) -> bool:
    """Return whether a file is an image, by its ending, or else by its first bytes."""
    return name.lower().endswith(SUFFIXES) or sources.begins_as_image(beginning())


def _beginning(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""


def _file(path: Path) -> Source:
    return Source(printable(str(path)), _reading(path), path)


def _reading(path: Path) -> Callable[[], bytes]:
    """Return what reads a file in another process, which may have another current folder."""
    return functools.partial(sources.read_file, path.absolute())


def in_list(listing: Listing, place: Path) -> list[Source]:
    """Return the images of a list, whose paths start from `place`: a folder, or a zip.

    Raises:
        GalaxyError: the place is neither, or holds none of the images.
    """
    if place.is_dir():
        return _listed(listing, place)
    if not place.is_file():
        raise GalaxyError(f"{place}: no such folder or zip")
    members = {source.name: source for source in _members(place)}
    found = []
    for number, text in enumerate(listing.paths):
        name = printable(f"{place}/{text.strip()}")
        member = members.get(name)
        absent = functools.partial(sources.refuse, "no such image in the zip")
        found.append(Source(name, member.read if member else absent, place, Row(listing, number)))
    if not any(source.name in members for source in found):
        held = next(iter(members))
        raise GalaxyError(f"{listing.where}: none of its images, such as {found[0].name}, is in the zip; it has {held}")
    return found


def _listed(listing: Listing, folder: Path) -> list[Source]:
    """Return the images of a list, whose paths start from `folder`."""
    found = [_in_row(listing, row, text, folder) for row, text in enumerate(listing.paths)]
    if not any(source.path and source.path.exists() for source in found):
        first = found[0]
        if first.path is None:
            problem = first.read.args[0] if isinstance(first.read, functools.partial) else ""
            raise GalaxyError(f"{first.name}: {problem}")
        raise GalaxyError(
            f"{listing.where}: none of its images exists, such as {first.name}; paths start from the CSV's folder"
        )
    return found


def _in_row(listing: Listing, number: int, text: str, folder: Path) -> Source:
    row = Row(listing, number)
    problem = ""
    if not text.strip():
        problem = "the cell is empty; write the image's path into it"
    elif _URL.match(text):
        problem = f"{printable(text)} is a URL; download the image and write its path"
    if problem:
        return Source(f"{listing.where}, row {number + 1}", functools.partial(sources.refuse, problem), None, row)
    path = folder / text
    if text != text.strip() and not path.exists():
        path = folder / text.strip()
    return Source(printable(str(path)), _reading(path), path, row)
