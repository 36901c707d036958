"""Many images at the memory of their names: each becomes a `Source` only when it is asked for."""

import bisect
import functools
import hashlib
import itertools
import os
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

from galaxy.inference import sources
from galaxy.inference.lists import Listing, Row
from galaxy.inference.sources import Source, printable

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_ENCODING = ("utf-8", "surrogateescape")


class Texts:
    """Texts, one behind the other: each costs its bytes and eight more."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._data = bytearray()
        self._ends = array("q", [0])
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Append a text."""
        self._data += text.encode(*_ENCODING)
        self._ends.append(len(self._data))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._data[self._ends[number] : self._ends[number + 1]].decode(*_ENCODING)

    def digest(self) -> str:
        """Return a checksum of the texts."""
        found = hashlib.sha256(self._data)
        found.update(self._ends.tobytes())
        return found.hexdigest()


class Group:
    """Images of one kind, by number."""

    listing: Listing | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def source(self, number: int) -> Source:
        """Return an image."""
        raise NotImplementedError

    def digest(self) -> str:
        """Return a checksum of the images' names and of all that a list says of them, not of their files' content."""
        raise NotImplementedError


class Files(Group):
    """Files in a folder, or in the current one; a name that ends in `/` is a folder that cannot be read."""

    def __init__(self, folder: str = "", names: Iterable[str] = ()) -> None:
        self.folder, self.names = folder, Texts(names)

    def __len__(self) -> int:
        return len(self.names)

    def source(self, number: int) -> Source:
        name = self.names[number]
        path = Path(self.folder, name)
        if name.endswith("/"):  # listing it raises why it cannot be read
            return Source(printable(str(path)), functools.partial(os.listdir, path), path)  # type: ignore[arg-type]
        return Source(printable(str(path)), reading(path), path)

    def digest(self) -> str:
        return f"{self.folder}/{self.names.digest()}"


class Members(Group):
    """Members of a zip."""

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        self.path, self.names = path, Texts(names)

    def __len__(self) -> int:
        return len(self.names)

    def source(self, number: int) -> Source:
        name = self.names[number]
        read = functools.partial(sources.read_member, self.path.absolute(), name)
        return Source(printable(f"{self.path}/{name}"), read, self.path)

    def digest(self) -> str:
        return f"{self.path}/{self.names.digest()}"


class Listed(Group):
    """The rows of a list, whose paths start from `folder`."""

    def __init__(self, listing: Listing, folder: Path) -> None:
        self.listing: Listing = listing
        self.folder = folder

    def __len__(self) -> int:
        return len(self.listing.rows)

    def source(self, number: int) -> Source:
        listing, row, text = self.listing, Row(self.listing, number), self.listing.path(number)
        problem = ""
        if not text.strip():
            problem = "the cell is empty; write the image's path into it"
        elif URL.match(text):
            problem = f"{printable(text)} is a URL; download the image and write its path"
        if problem:
            return Source(f"{listing.where}, row {number + 1}", functools.partial(sources.refuse, problem), None, row)
        path = self.folder / text
        if text != text.strip() and not path.exists():
            path = self.folder / text.strip()
        return Source(printable(str(path)), reading(path), path, row)

    def digest(self) -> str:
        return f"{self.listing.where}/{self.listing.rows.digest()}"


class ListedMembers(Listed):
    """The rows of a list, whose paths are those of a zip's members."""

    def __init__(self, listing: Listing, path: Path, members: Iterable[str]) -> None:
        super().__init__(listing, path)
        self._members = {printable(name): name for name in members}

    def source(self, number: int) -> Source:
        name = printable(self.listing.path(number).strip())
        member = self._members.get(name)
        if member is None:
            read = functools.partial(sources.refuse, "no such image in the zip")
        else:
            read = functools.partial(sources.read_member, self.folder.absolute(), member)
        return Source(printable(f"{self.folder}/{name}"), read, self.folder, Row(self.listing, number))

    def any(self) -> bool:
        """Return whether the zip has any of the images."""
        return any(printable(self.listing.path(number).strip()) in self._members for number in range(len(self)))


class Given(Group):
    """Images that are in memory."""

    def __init__(self, given: Iterable[Source]) -> None:
        self.given = list(given)

    def __len__(self) -> int:
        return len(self.given)

    def source(self, number: int) -> Source:
        return self.given[number]

    def digest(self) -> str:
        return Texts(source.name for source in self.given).digest()


class Some(Group):
    """Some images of a group."""

    def __init__(self, group: Group, numbers: Iterable[int]) -> None:
        self.group, self.numbers = group, array("q", numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def source(self, number: int) -> Source:
        return self.group.source(self.numbers[number])

    def digest(self) -> str:
        return self.group.digest() + hashlib.sha256(self.numbers.tobytes()).hexdigest()


class Images(Sequence[Source]):
    """The images of several groups, one group behind the other."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups = [group for group in groups if len(group)]
        self._starts = list(itertools.accumulate((len(group) for group in self.groups), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, key: int) -> Source: ...
    @overload
    def __getitem__(self, key: slice) -> list[Source]: ...
    def __getitem__(self, key: int | slice) -> Source | list[Source]:
        if isinstance(key, slice):
            return [self[number] for number in range(*key.indices(len(self)))]
        number = range(len(self))[key]
        group = bisect.bisect_right(self._starts, number) - 1
        return self.groups[group].source(number - self._starts[group])

    def pieces(self, first: int, end: int) -> Iterator[tuple[Group, int, int]]:
        """Yield the groups of the images from `first` to before `end`, each with the numbers of its own images."""
        for start, group in zip(self._starts, self.groups, strict=False):
            low, high = max(first - start, 0), min(end - start, len(group))
            if low < high:
                yield group, low, high

    def digest(self) -> str:
        """Return a checksum of all names, and of all that lists say of the images."""
        return hashlib.sha256("\n".join(group.digest() for group in self.groups).encode(*_ENCODING)).hexdigest()


def reading(path: Path) -> Callable[[], bytes]:
    """Return what reads a file in another process, which may have another current folder."""
    return functools.partial(sources.read_file, path.absolute())


def merged(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups; files and images in memory that follow each other become one group."""
    last: Group | None = None
    for group in groups:
        if isinstance(last, Files) and isinstance(group, Files) and not (last.folder or group.folder):
            for name in group.names:
                last.names.add(name)
        elif isinstance(last, Given) and isinstance(group, Given):
            last.given += group.given
        else:
            if last is not None:
                yield last
            last = group
    if last is not None:
        yield last


def each_once(groups: Sequence[Group]) -> Iterator[Group]:
    """Yield groups without the images that were there before; lists keep all their rows."""
    unlisted = [group for group in groups if group.listing is None]
    if len(unlisted) == 1 and not (isinstance(unlisted[0], Files) and not unlisted[0].folder):
        yield from groups  # no folder and no zip holds an image twice
        return
    seen: set[str] = set()
    for group in groups:
        if group.listing is not None:
            yield group
            continue
        kept = []
        for number in range(len(group)):
            name = group.source(number).name
            if name not in seen:
                seen.add(name)
                kept.append(number)
        yield group if len(kept) == len(group) else Some(group, kept)
