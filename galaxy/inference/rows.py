"""The rows of a list: of a text file (see `galaxy.inference.lists`), a Parquet file or a table in memory."""

import hashlib
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.inference.sources import as_utf8

if TYPE_CHECKING:
    import pyarrow


class Rows(Protocol):
    """The rows of a list."""

    names: list[str]

    def __len__(self) -> int:
        """Return the number of rows."""

    def table(self, first: int, end: int) -> pd.DataFrame:
        """Return rows `first` to before `end`, with the columns `names`."""

    def value(self, row: int, column: int) -> object:
        """Return one cell."""

    def digest(self) -> str:
        """Return a checksum of the content."""


class TableRows:
    """The rows of a table."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table.set_axis([str(name) for name in table.columns], axis="columns")
        self.names = list(self._table.columns)

    def __len__(self) -> int:
        return len(self._table)

    def table(self, first: int, end: int) -> pd.DataFrame:
        part = self._table.iloc[first:end].reset_index(drop=True)
        for name, dtype in part.dtypes.items():
            if dtype == np.dtype(object):
                cells = [as_utf8(value) if isinstance(value, str) else value for value in part[name]]
                part[name] = pd.Series(cells, dtype=object)
        return part

    def value(self, row: int, column: int) -> object:
        return self._table.iat[row, column]

    def digest(self) -> str:
        return files.fingerprint(self._table)


class ArrowRows:
    """The rows of a Parquet file, with its types."""

    def __init__(self, table: "pyarrow.Table") -> None:
        self._table = table
        self.names = list(table.column_names)

    def __len__(self) -> int:
        return self._table.num_rows

    def table(self, first: int, end: int) -> pd.DataFrame:
        return self._table.slice(first, end - first).to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)

    def value(self, row: int, column: int) -> object:
        return self._table.column(column)[row].as_py()

    def digest(self) -> str:
        found = hashlib.sha256(str(self._table.schema.remove_metadata()).encode())
        for batch in self._table.to_batches():
            found.update(batch.serialize())
        return found.hexdigest()
