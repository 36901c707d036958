"""Lists of images: tables with a column of paths, as text (CSV, TSV, one path per line) or Parquet.

Every column is kept, of text files just as it is written. A list of millions of rows costs its file's size in memory:
rows become Python's objects only while they are used.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from galaxy.core.errors import GalaxyError, describe
from galaxy.inference.rows import ArrowRows, Rows, TableRows
from galaxy.inference.sources import as_utf8, note, printable

TEXT = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXT, *(f"{ending}.gz" for ending in TEXT), ".parquet")

LARGEST = 2**31
"""Most bytes of a list as text: ten million galaxies with 200 characters each have as many."""

_BLOCK = 2**20
"""Bytes that are read at a time."""

COLUMN = "path"
"""The column with the images' paths. Relative paths start from the list's folder."""

_SAME = (COLUMN, "filepath", "imagepath", "file", "filename", "imagefile", "fileloc", "image")
"""What else that column may be called, the likeliest first; capitals, spaces and underscores do not count."""

FILE, WARNING = "file", "warning"
"""Our own columns beside those that are computed: the image's name, and what is doubtful about it."""

PARQUET = 'Parquet needs pyarrow; run `pip install "galaxy-zoo-pipeline[parquet]"`'

_INDEX = re.compile(r"__index_level_\d+__")
"""Names of columns that pandas adds to Parquet for rows' numbers."""

_ENCODING = ("utf-8", "surrogateescape")
"""Bytes that are not UTF-8 become surrogates, and bytes again."""


@dataclass(frozen=True)
class Listing:
    """A list: where it comes from, its rows, and which of its columns holds the paths."""

    where: str
    rows: Rows
    column: int

    def path(self, row: int) -> str:
        """Return the path in a row, "" if the cell has none."""
        value = self.rows.value(row, self.column)
        return value if isinstance(value, str) else ""

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return self.rows.names

    @property
    def columns(self) -> pd.DataFrame:
        """All columns, in memory."""
        return self.rows.table(0, len(self.rows))


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
        return listing(_text_rows(path, where), where)
    try:
        from pyarrow import parquet

        table = parquet.ParquetFile(path).read()
    except ImportError:
        raise GalaxyError(f"{where}: {PARQUET}") from None
    except Exception as error:  # pyarrow's, of many types
        raise GalaxyError(f"{where} cannot be read as Parquet: {describe(error)}") from None
    numbers = [name for name in table.column_names if _INDEX.fullmatch(name)]
    return listing(ArrowRows(table.drop_columns(numbers)), where)


def of_table(table: pd.DataFrame, where: str) -> Listing:
    """Return a table as a list; see `read`."""
    return listing(TableRows(table), where)


def listing(rows: Rows, where: str) -> Listing:
    """Find the column of paths; see `read`."""
    names = rows.names
    column = path_column(names)
    if column is None:
        raise GalaxyError(
            f"{where}: no column {COLUMN!r} with the images' paths; it has {', '.join(names)}; the first line must "
            "name the columns, separated by commas, semicolons or tabs"
        )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise GalaxyError(f"{where}: more than one column is called {', '.join(repeated)}; rename them")
    if not len(rows):
        raise GalaxyError(f"{where}: holds no row, only a header")
    if column != COLUMN:
        note(f"{where}: the images' paths are those in its column {column!r}")
    return Listing(where, rows, names.index(column))


def path_column(names: Sequence[str]) -> str | None:
    """Return which of a table's columns holds the paths, None if none does."""
    plain = {name.lower().strip().replace("_", "").replace(" ", ""): name for name in reversed(names)}
    return COLUMN if COLUMN in names else next((plain[name] for name in _SAME if name in plain), None)


class _TextRows:
    """The rows of a text file: its bytes, and where each row ends. Without a `delimiter`, each line is a path."""

    def __init__(self, data: bytes, ends: "array[int]", names: list[str], delimiter: str | None) -> None:
        self._data, self._ends, self._delimiter = data, ends, delimiter
        self.names = names

    def __len__(self) -> int:
        return max(len(self._ends) - 1, 0)

    def table(self, first: int, end: int) -> pd.DataFrame:
        rows = [[as_utf8(cell) for cell in row] for row in self._parsed(first, end)]
        return pd.DataFrame(rows, columns=self.names, dtype=object)

    def value(self, row: int, column: int) -> object:
        return next(self._parsed(row, row + 1))[column]

    def digest(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def _parsed(self, first: int, end: int) -> Iterator[list[str]]:
        text = self._data[self._ends[first] : self._ends[end]].decode(*_ENCODING)
        if self._delimiter is None:
            yield from ([line] for line in text.splitlines() if line.strip())
            return
        for row in filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True)):
            yield row[: len(self.names)]


def _text_rows(path: Path, where: str) -> _TextRows:
    data = _text(path, where)
    if not data:
        raise GalaxyError(f"{where}: holds no row; it is empty")
    first = next(iter(_lines(data))).rstrip("\r\n")
    headers = {mark: next(csv.reader([first], delimiter=mark)) for mark in ",;\t|"}
    mark = max(headers, key=lambda mark: (path_column(headers[mark]) is not None, len(headers[mark])))
    if path_column(headers[mark]) is None and ".txt" in path.suffixes[-2:]:
        return _one_path_per_line(data)
    counted = _Counted(data)
    reader = csv.reader(counted, delimiter=mark, strict=True)
    header: list[str] = []
    ends = array("q")
    try:
        for row in reader:
            if not row:
                continue
            header = header or row
            while len(row) > len(header) and not row[-1]:
                row.pop()  # a mark at the end of each line
            if len(row) != len(header):
                fields = f"line {reader.line_num} has {len(row)} fields, the header has {len(header)}"
                raise GalaxyError(f"{where} cannot be read as CSV: {fields}; make it again")
            ends.append(counted.position)
    except csv.Error as error:
        problem = f"line {reader.line_num}: {describe(error)}"
        raise GalaxyError(f"{where} cannot be read as CSV: {problem}; make it again") from None
    return _TextRows(data, ends, [as_utf8(name) for name in header], mark)


def _one_path_per_line(data: bytes) -> _TextRows:
    ends = array("q", [0])
    position = 0
    for line in data.decode(*_ENCODING).splitlines(keepends=True):
        position += len(line.encode(*_ENCODING))
        if line.strip():
            ends.append(position)
    return _TextRows(data, ends, [COLUMN], None)


def _lines(data: bytes) -> Iterator[str]:
    """Yield the lines of a text, each with its end: a line feed, a carriage return or both."""
    return io.TextIOWrapper(io.BytesIO(data), _ENCODING[0], _ENCODING[1], newline="")


class _Counted:
    """The lines of a text, and the position in bytes behind the last one that was taken."""

    def __init__(self, data: bytes) -> None:
        self._lines = _lines(data)
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.position += len(line) if line.isascii() else len(line.encode(*_ENCODING))
            yield line


def _text(path: Path, where: str) -> bytes:
    """Return a file's text as UTF-8, bytes of other encodings as they are; UTF-16 with its mark is converted."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            read = bytearray()  # to ask for all at once would take LARGEST
            while (block := file.read(_BLOCK)) and len(read) <= LARGEST:
                read += block
        if len(read) > LARGEST:
            raise GalaxyError(f"{where} has more than {LARGEST:,} bytes; it is no list of images")
        data = bytes(read)
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            data = data.decode("utf-16").encode(*_ENCODING)
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise GalaxyError(f"{where} cannot be read as a list: {describe(error)}") from None
    if b"\0" in data:
        raise GalaxyError(f"{where} cannot be read as a list: it is no text")
    return data.removeprefix(b"\xef\xbb\xbf")
