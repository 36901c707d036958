"""Lists of images: tables with a column of paths, as text (CSV, TSV, one path per line) or Parquet.

Every column is kept, of text files just as it is written.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError, describe
from galaxy.inference.sources import as_utf8, note, printable

TEXT = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXT, *(f"{ending}.gz" for ending in TEXT), ".parquet")

LARGEST = 2**28
"""Most bytes of a list as text: a catalogue of 240,000 galaxies with 230 columns, Galaxy Zoo 2's, has as many."""

COLUMN = "path"
"""The column with the images' paths. Relative paths start from the list's folder."""

_SAME = (COLUMN, "filepath", "imagepath", "file", "filename", "imagefile", "fileloc", "image")
"""What else that column may be called, the likeliest first; capitals, spaces and underscores do not count."""

FILE, WARNING = "file", "warning"
"""Our own columns beside the fractions: the image's name, and what is doubtful about it."""

PARQUET = 'Parquet needs pyarrow; run `pip install "galaxy-zoo-pipeline[parquet]"`'


@dataclass(frozen=True)
class Listing:
    """A list: its columns as they go into the results, and the paths in it."""

    where: str
    columns: pd.DataFrame
    paths: list[str]


@dataclass(frozen=True)
class Row:
    """A row of a list."""

    listing: Listing
    number: int


def read(path: Path) -> Listing:
    """Read a list.

    Raises:
        GalaxyError: it cannot be read, holds no row, or has no column of paths.
    """
    where = printable(str(path))
    if path.suffix.lower() != ".parquet":
        return listing(_text_table(path, where), where)
    try:
        table = pd.read_parquet(path)
    except ImportError:
        raise GalaxyError(f"{where}: {PARQUET}") from None
    except Exception as error:  # pyarrow's, of many types
        raise GalaxyError(f"{where} cannot be read as Parquet: {describe(error)}") from None
    return listing(table.reset_index(drop=True), where)


def listing(table: pd.DataFrame, where: str) -> Listing:
    """Find a table's column of paths, and rename the columns that are called as ours are; see `read`."""
    names = [str(name) for name in table.columns]
    column = path_column(names)
    if column is None:
        raise GalaxyError(
            f"{where}: no column {COLUMN!r} with the images' paths; it has {', '.join(names)}; the first line must "
            "name the columns, separated by commas, semicolons or tabs"
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise GalaxyError(f"{where}: more than one column is called {', '.join(repeated)}; rename them")
    if not len(table):
        raise GalaxyError(f"{where}: holds no row, only a header")
    if column != COLUMN:
        note(f"{where}: the images' paths are those in its column {column!r}")
    ours = {FILE, WARNING, *decision_tree.COLUMNS} - {column}
    renamed = {name: f"{name}_list" for name in names if name in ours}
    if renamed:
        note(f"{where}: columns called as those of the results become {', '.join(renamed.values())}")
    paths = [path if isinstance(path, str) else "" for path in table[table.columns[names.index(column)]]]
    columns = table.set_axis(names, axis="columns").rename(columns=renamed)
    for name in columns.select_dtypes(object):
        columns[name] = [as_utf8(value) if isinstance(value, str) else value for value in columns[name]]
    if column == FILE:
        columns = columns.drop(columns=FILE)  # the results have it anyway
    return Listing(where, columns, paths)


def path_column(names: Sequence[str]) -> str | None:
    """Return which of a table's columns holds the paths, None if none does."""
    plain = {name.lower().strip().replace("_", "").replace(" ", ""): name for name in reversed(names)}
    return COLUMN if COLUMN in names else next((plain[name] for name in _SAME if name in plain), None)


def _text_table(path: Path, where: str) -> pd.DataFrame:
    text = _text(path, where)
    lines = text.splitlines()
    if not lines:
        raise GalaxyError(f"{where}: holds no row; it is empty")
    headers = {mark: next(csv.reader([lines[0]], delimiter=mark)) for mark in ",;\t|"}
    mark = max(headers, key=lambda mark: (path_column(headers[mark]) is not None, len(headers[mark])))
    if path_column(headers[mark]) is None and ".txt" in path.suffixes[-2:]:
        return pd.DataFrame({COLUMN: [line for line in lines if line.strip()]}, dtype=object)  # one path per line
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        for row in filter(None, reader):
            header = rows[0] if rows else row
            while len(row) > len(header) and not row[-1]:
                row.pop()  # a mark at the end of each line
            if len(row) != len(header):
                fields = f"line {reader.line_num} has {len(row)} fields, the header has {len(header)}"
                raise GalaxyError(f"{where} cannot be read as CSV: {fields}; make it again")
            rows.append(row)
    except csv.Error as error:
        problem = f"line {reader.line_num}: {describe(error)}"
        raise GalaxyError(f"{where} cannot be read as CSV: {problem}; make it again") from None
    return pd.DataFrame(rows[1:], columns=[as_utf8(name) for name in rows[0]], dtype=object)


def _text(path: Path, where: str) -> str:
    """Return a file's text: UTF-8, bytes of other encodings kept as surrogates, or UTF-16 with its mark."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise GalaxyError(f"{where} has more than {LARGEST:,} bytes; it is no list of images")
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8", "surrogateescape")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise GalaxyError(f"{where} cannot be read as a list: {describe(error)}") from None
    if "\0" in text:
        raise GalaxyError(f"{where} cannot be read as a list: it is no text")
    return text.removeprefix("\ufeff")
