"""Tables in files: CSV (gzipped or not), Parquet and FITS, written part by part and put together at the end.

A part is a file of its own. Putting parts together takes the memory of one of them.
"""

import gzip
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import pandas as pd

ROWS = 2**14
"""Rows of a group in a Parquet file."""

_BLOCK = 2880
"""Bytes of a FITS file's blocks."""


class Format(Protocol):
    """A kind of file. All parts of a table have the columns and types of `empty`, a table without rows."""

    def write_part(self, path: Path, table: pd.DataFrame) -> None:
        """Write some rows."""

    def join(self, parts: Sequence[Path], path: Path, empty: pd.DataFrame) -> None:
        """Write the whole table from its parts."""


class Csv:
    """CSV in UTF-8, gzipped or not.

    Args:
        digits: how to format the numbers of some columns, such as "{:.6f}"; the others stay as they are.
    """

    def __init__(self, digits: Mapping[str, str], zipped: bool = False) -> None:
        self._digits, self._zipped = digits, zipped

    def text(self, table: pd.DataFrame, *, header: bool) -> bytes:
        """Return a table as CSV."""
        formatted = {
            name: pd.Series(
                [form.format(value) if value == value else "" for value in table[name]], table.index, object
            )
            for name, form in self._digits.items()
        }
        return table.assign(**formatted).to_csv(index=False, header=header).encode()

    def write_part(self, path: Path, table: pd.DataFrame) -> None:
        path.write_bytes(self.text(table, header=False))

    def join(self, parts: Sequence[Path], path: Path, empty: pd.DataFrame) -> None:
        with path.open("wb") as file:
            if self._zipped:
                with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:  # no time: equal tables are equal files
                    self._copy(parts, zipped, empty)
            else:
                self._copy(parts, file, empty)

    def _copy(self, parts: Sequence[Path], file: "IO[bytes] | gzip.GzipFile", empty: pd.DataFrame) -> None:
        file.write(self.text(empty, header=True))
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, file)


class Parquet:
    """Parquet, by pyarrow."""

    def write_part(self, path: Path, table: pd.DataFrame) -> None:
        from pyarrow import parquet

        parquet.write_table(self._arrow(table), path)

    def join(self, parts: Sequence[Path], path: Path, empty: pd.DataFrame) -> None:
        import pyarrow
        from pyarrow import parquet

        waiting = [self._arrow(empty)]
        with parquet.ParquetWriter(path, waiting[0].schema) as writer:
            for part in parts:
                waiting.append(parquet.ParquetFile(part).read())
                if sum(len(table) for table in waiting) >= ROWS:
                    whole = pyarrow.concat_tables(waiting)
                    full = len(whole) // ROWS * ROWS
                    writer.write_table(whole.slice(0, full), ROWS)
                    waiting = [whole.slice(full).combine_chunks()]
            writer.write_table(pyarrow.concat_tables(waiting), ROWS)

    @staticmethod
    def _arrow(table: pd.DataFrame) -> Any:
        """Return a table with the types of its columns; objects are text. What pandas would add is left out."""
        import pyarrow

        types = []
        for dtype in table.dtypes:
            if isinstance(dtype, pd.ArrowDtype):
                types.append(dtype.pyarrow_dtype)
            elif isinstance(dtype, np.dtype) and dtype.kind != "O":
                types.append(pyarrow.from_numpy_dtype(dtype))
            else:
                types.append(pyarrow.string())
        fields = [pyarrow.field(str(name), kind) for name, kind in zip(table.columns, types, strict=True)]
        return pyarrow.Table.from_pandas(table, pyarrow.schema(fields), preserve_index=False).replace_schema_metadata()


class Fits:
    """A FITS binary table, by astropy: whole numbers, floating-point numbers, booleans and ASCII text.

    Text of other characters is escaped as in Python (`\\xe9`), because the standard allows ASCII alone; values of other
    types, such as dates, are text. A whole number that is missing is the type's lowest number, as `TNULL` says.
    """

    def write_part(self, path: Path, table: pd.DataFrame) -> None:
        with path.open("wb") as file:  # NumPy would add an ending to the name
            np.save(file, self._records(table))

    def join(self, parts: Sequence[Path], path: Path, empty: pd.DataFrame) -> None:
        from astropy.io import fits

        first = self._records(empty).dtype
        names = first.names or ()
        rows, widths = 0, {name: 1 for name in names if first[name].kind == "S"}
        for part in self._read(parts):
            rows += len(part)
            widths = {name: max(width, part.dtype[name].itemsize) for name, width in widths.items()}
        dtype = np.dtype([(name, f"S{widths[name]}" if name in widths else first[name]) for name in names])
        columns = [_column(fits, name, dtype[name]) for name in names]
        header = fits.BinTableHDU.from_columns(columns, nrows=0).header
        header["NAXIS2"] = rows
        with path.open("wb") as file:
            file.write(fits.PrimaryHDU().header.tostring().encode())
            file.write(header.tostring().encode())
            for part in self._read(parts):
                file.write(part.astype(dtype).tobytes())
            file.write(bytes(-(rows * dtype.itemsize) % _BLOCK))

    @staticmethod
    def _read(parts: Sequence[Path]) -> Iterator[np.ndarray]:
        for part in parts:
            yield np.load(io.BytesIO(part.read_bytes()))

    @staticmethod
    def _records(table: pd.DataFrame) -> np.ndarray:
        columns = {str(name): _values(values) for name, values in table.items()}
        found = np.empty(len(table), [(name, values.dtype) for name, values in columns.items()])
        for name, values in columns.items():
            found[name] = values
        return found


def problem(names: Sequence[str]) -> str:
    """Return why a FITS table cannot have these columns, "" if it can."""
    if foreign := [name for name in names if not (name and name.isascii() and name.isprintable())]:
        return f"columns of FITS tables must have ASCII names, unlike {', '.join(map(repr, foreign))}"
    lower = [name.lower() for name in names]
    if same := [name for name in names if lower.count(name.lower()) > 1]:
        return f"columns of FITS tables must differ in more than capitals, unlike {', '.join(same)}"
    if len(names) > 999:
        return f"a FITS table has at most 999 columns, not {len(names):,}"
    return ""


_FORMATS = {"i1": "L", "i2": "I", "i4": "J", "i8": "K", "f4": "E", "f8": "D"}
"""FITS's letters by NumPy's types; one byte holds a boolean."""


def _column(fits: Any, name: str, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "S":
        return fits.Column(name, f"{dtype.itemsize}A")
    lowest = int(np.iinfo(dtype).min) if dtype.kind == "i" and dtype.itemsize > 1 else None
    return fits.Column(name, _FORMATS[dtype.str[1:]], null=lowest)


def _values(values: "pd.Series[Any]") -> np.ndarray:
    """Return a column as FITS holds it."""
    dtype: Any = values.dtype
    kind, size = getattr(dtype, "kind", "O"), getattr(dtype, "itemsize", 0)
    missing = values.isna().to_numpy()
    if kind == "f":
        return values.to_numpy(np.float64 if size > 4 else np.float32, na_value=np.nan).astype(
            f">f{8 if size > 4 else 4}"
        )
    if kind in "iu" and not (kind == "u" and size == 8):
        wide = {1: 2, 2: 4 if kind == "u" else 2, 4: 8 if kind == "u" else 4, 8: 8}[size]
        lowest = np.iinfo(f"i{wide}").min
        return values.to_numpy(f"i{wide}", na_value=lowest).astype(f">i{wide}")
    if kind == "b":
        flags = np.where(values.to_numpy(bool, na_value=False), ord("T"), ord("F"))
        return np.where(missing, 0, flags).astype("i1")
    texts = ["" if none else str(value) for value, none in zip(values, missing, strict=True)]
    return np.array([text.encode("ascii", "backslashreplace") for text in texts] or [b""])[: len(texts)]
