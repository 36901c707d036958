"""Files that are whole or absent: every output is written under a temporary name and renamed."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; rename it to `path` on success, remove it on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.filename is None:  # a full disk, say: the system names no file where one is written to
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` as indented JSON; a NaN or infinity in it is an error."""
    with atomic(path) as part:
        part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote."""
    return json.loads(path.read_text())


def write_csv(path: Path, table: pd.DataFrame, **options: Any) -> None:
    """Write a table without its index; `options` go to `DataFrame.to_csv`."""
    with atomic(path) as part:
        table.to_csv(part, index=False, **options)


def sha256(path: Path) -> str:
    """The file's SHA-256 as hexadecimal digits, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(table: pd.DataFrame) -> str:
    """A SHA-256 of a table's content."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()
