"""Write files so that they are whole or absent: under a temporary name, renamed when done. List those in a folder."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd  # it takes a while, for which not every stage should wait


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` on success, remove it on failure.

    A device or a pipe is written to itself.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.filename is None:  # on a full disk the system does not name the file
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def is_hidden(path: PurePath) -> bool:
    """Return whether a relative path lies in what systems and editors add to folders and zips, such as `__MACOSX`."""
    return any(part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in path.parts)


def below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, links followed, sorted by path; no hidden ones.

    Each folder is entered once, however many links lead to it.

    Raises:
        OSError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise error

    seen, found = {folder.resolve()}, []
    for parent, subfolders, names in os.walk(folder, onerror=refuse, followlinks=True):
        inner = {Path(parent, name).resolve(): name for name in sorted(subfolders) if not is_hidden(PurePath(name))}
        subfolders[:] = [name for path, name in inner.items() if path not in seen]
        seen.update(inner)
        found += [Path(parent, name) for name in names if not is_hidden(PurePath(name))]
    yield from (path for path in sorted(found) if path.is_file())


def reserve(file: IO[bytes], size: int) -> None:
    """Give a file its size, and reserve the space: a process that fills a memory map is killed where there is none."""
    file.truncate(size)
    if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
        os.posix_fallocate(file.fileno(), 0, size)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as indented JSON; a NaN or infinity in it is an error."""
    with atomic(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that `write_json` wrote."""
    return json.loads(path.read_text())


def write_csv(path: Path, table: "pd.DataFrame", **options: Any) -> None:
    """Write a table without its index; `options` go to `DataFrame.to_csv`."""
    with atomic(path) as part:
        table.to_csv(part, index=False, **options)


def sha256(path: Path) -> str:
    """Return the file's SHA-256 as hexadecimal digits; read it in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(table: "pd.DataFrame") -> str:
    """Return a SHA-256 of a table's content."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()
