"""Find the images that a user names: files, folders, globs, zips, lists of paths, arrays and pictures of Pillow's."""

import functools
import glob
import itertools
import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from galaxy.core.errors import GalaxyError
from galaxy.core.files import is_hidden
from galaxy.inference import image_list, lists, sources
from galaxy.inference.image_list import URL, Files, Given, Group, Images, Listed, ListedMembers, Members
from galaxy.inference.lists import Listing
from galaxy.inference.read_image import SUFFIXES
from galaxy.inference.sources import Source, note, printable
from galaxy.ingest import archives, zips

LARGEST_PICTURE = 2**24
"""Most pixels of an array or a picture of Pillow's: the processes that read have to hold several copies."""

_ORIENTATION = 0x0112
"""The EXIF tag that says how to turn a picture."""


def find(inputs: Iterable[Any]) -> Images:
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
        what = "a URL; download the image and name the file" if URL.match(missing[0]) else "no such file or folder"
        raise GalaxyError(f"{printable(', '.join(missing))}: {what}")
    numbers = itertools.count(1)
    groups: list[Group] = []
    for named, items in itertools.groupby(inputs, key=lambda item: isinstance(item, str | os.PathLike)):
        found = list(image_list.merged(group for item in items for group in _given(item, numbers)))
        groups += image_list.each_once(found) if named else found
    images = Images(groups)
    if not images:
        raise GalaxyError("no images given; name files, folders, globs, a zip or a CSV of paths")
    return images


def _given(item: Any, numbers: Iterator[int]) -> Iterator[Group]:
    """Yield the images of one input; `numbers` are those of pictures without a name."""
    if isinstance(item, str | os.PathLike):
        yield from _expand(os.fspath(item))
    elif isinstance(item, pd.DataFrame):
        yield _listed(lists.of_table(item.reset_index(drop=True), "the table"), Path())
    elif isinstance(item, Image.Image):
        _check_size(*item.size)
        if item.getexif().get(_ORIENTATION, 1) != 1:
            item = ImageOps.exif_transpose(item)
        yield Given([Source(f"image {next(numbers)}", functools.partial(sources.encode_pil, item))])
    elif isinstance(item, np.ndarray) and item.dtype.kind not in "OUT":
        if item.dtype != np.uint8 or item.ndim not in (3, 4) or item.shape[-1] != 3:
            raise GalaxyError(
                f"an array of {item.dtype} with shape {item.shape}; pictures are uint8 (0 to 255), H×W×3 (red, green, "
                "blue) or N×H×W×3"
            )
        for picture in item.reshape(-1, *item.shape[-3:]):
            _check_size(*picture.shape[:2])
            yield Given([Source(f"image {next(numbers)}", functools.partial(sources.encode_array, picture))])
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


def _expand(text: str) -> list[Group]:
    path = Path(text)
    if not path.exists() and glob.has_magic(text):
        return _matching(text)
    if path.is_dir():
        return [_in_folder(path)]
    if path.is_file() and path.suffix.lower() == ".zip":
        return [_members(path)]
    if path.is_file() and path.name.lower().endswith(lists.ENDINGS):
        return [_listed(lists.read(path), path.parent)]
    return [Files(names=[text])]


def _matching(pattern: str) -> list[Group]:
    """Return the images that match a pattern, and those in folders, zips and lists that match."""
    found: list[Group] = []
    left_out = _LeftOut(repr(pattern))
    texts = tuple(ending for ending in lists.ENDINGS if ".txt" not in ending or pattern.lower().endswith(ending))
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 (Path's takes no absolute pattern)
        path = Path(name)
        if path.is_dir():
            found.append(_in_folder(path, whole=False))
        elif left_out.hidden(path.name):
            continue
        elif path.name.lower().endswith((".zip", *texts)):
            found += _expand(name)
        elif _is_image(path.name, functools.partial(_beginning, path)):
            found.append(Files(names=[name]))
        else:
            left_out.add(path.name)
    groups = list(image_list.merged(found))
    left_out.check(sum(len(group) for group in groups))
    return groups


def _in_folder(folder: Path, whole: bool = True) -> Files:
    """Return a folder's images; if it stands for a `whole` input, there must be one. Links to folders are followed."""
    found = Files(str(folder))
    left_out = _LeftOut(str(folder))
    seen: set[str] = set()
    waiting = ["/"]  # names from the folder on, the next one last; those of folders end in a slash
    while waiting:
        name = waiting.pop().removeprefix("/")
        if name and not name.endswith("/"):
            found.names.add(name)
            continue
        place = folder / name
        real = os.path.realpath(place)
        if real in seen:  # behind a link
            continue
        seen.add(real)
        try:
            with os.scandir(place) as entries:
                inside = [entry.name + "/" * entry.is_dir() for entry in entries]
        except OSError:
            found.names.add(name or "./")
            continue
        inside.sort(key=lambda part: (not part.endswith("/"), part))
        kept = [part for part in inside if _is_kept(place, part, left_out)]
        kept.sort(key=lambda part: part.removesuffix("/"), reverse=True)
        waiting += [name + part for part in kept]
    left_out.check(len(found), whole)
    return found


def _is_kept(place: Path, part: str, left_out: "_LeftOut") -> bool:
    """Return whether a name in a folder is a folder or an image that is not hidden; count it if it is not."""
    if left_out.hidden(part.removesuffix("/")):
        return False
    if part.endswith("/") or _is_image(part, functools.partial(_beginning, place / part)):
        return True
    left_out.add(part)
    return False


def _members(path: Path) -> Members:
    """Return the images of a zip."""
    found = Members(path, [])
    left_out = _LeftOut(str(path))
    with archives.open_zip(path) as archive:
        for name in dict.fromkeys(archive.namelist()):
            member = PurePosixPath(name)
            if name.endswith("/") or any(left_out.hidden(part) for part in member.parts):
                continue
            if _is_image(member.name, functools.partial(_member_beginning, archive, name)):
                found.names.add(name)
            else:
                left_out.add(member.name)
    left_out.check(len(found))
    return found


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
        self.kinds: Counter[str] = Counter()
        self.first = ""
        self.hidden_count = 0
        self.first_hidden: dict[str, None] = {}

    def hidden(self, name: str) -> bool:
        """Return whether a file or folder is hidden, and count it if it is."""
        if name == ".." or is_hidden(PurePosixPath(name)):
            self.hidden_count += 1
            if len(self.first_hidden) < 3:
                self.first_hidden[name] = None
            return True
        return False

    def add(self, name: str) -> None:
        """Count a file that is no image."""
        self.first = self.first or name
        self.kinds[Path(name).suffix.lower() or "without an ending"] += 1

    def check(self, found: int, whole: bool = True) -> None:
        """Say what is left out, beside so many images; raise GalaxyError if a `whole` input has none."""
        if whole and not found:
            endings = ", ".join(SUFFIXES)
            raise GalaxyError(f"{self.where}: no image there; images end in {endings}{self._text('; it has ')}")
        if text := self._text(f"left out of {self.where}: "):
            note(text)

    def _text(self, start: str) -> str:
        parts = []
        if self.kinds:
            named = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common(5))
            number = self.kinds.total()
            parts.append(f"{number} files that are no images read here ({named}; such as {self.first})")
        if self.hidden_count:
            parts.append(f"{self.hidden_count} hidden ({', '.join(self.first_hidden)})")
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


def in_list(listing: Listing, place: Path) -> Images:
    """Return the images of a list, whose paths start from `place`: a folder, or a zip.

    Raises:
        GalaxyError: the place is neither, or holds none of the images.
    """
    if place.is_dir():
        return Images([_listed(listing, place)])
    if not place.is_file():
        raise GalaxyError(f"{place}: no such folder or zip")
    members = _members(place).names
    found = ListedMembers(listing, place, members)
    if not found.any():
        first, held = found.source(0).name, printable(f"{place}/{members[0]}")
        raise GalaxyError(f"{listing.where}: none of its images, such as {first}, is in the zip; it has {held}")
    return Images([found])


def _listed(listing: Listing, folder: Path) -> Listed:
    """Return the images of a list, whose paths start from `folder`."""
    found = Listed(listing, folder)
    images = (found.source(row) for row in range(len(found)))
    if not any(source.path and source.path.exists() for source in images):
        first = found.source(0)
        if first.path is None:
            problem = first.read.args[0] if isinstance(first.read, functools.partial) else ""
            raise GalaxyError(f"{first.name}: {problem}")
        raise GalaxyError(
            f"{listing.where}: none of its images exists, such as {first.name}; paths start from the CSV's folder"
        )
    return found
