"""The columns in front of the results: those of the lists that name the images, and each image's name."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from galaxy.inference import sources
from galaxy.inference.image_list import Files, Group, Images, Listed
from galaxy.inference.lists import FILE, Listing
from galaxy.inference.sources import note


class Catalogue:
    """The columns of the lists, each called as there unless a column of the results is, and `file`.

    `file` is the image's path or name from the current folder. If one list names all images, it is the path as the list
    has it, so that results and list can be joined on it.

    A column keeps its type: that of a text file is text just as it is written, and that of Parquet is what Parquet
    says. Images without a value have none, whatever the type. Lists that do not agree on a column's type make it text.

    Args:
        results: names of the columns that follow.
    """

    def __init__(self, images: Images, results: Iterable[str]) -> None:
        self._images = images
        listings = {id(group.listing): group.listing for group in images.groups if group.listing is not None}
        self._as_written = len(images.groups) == len(listings) == 1
        taken = {FILE, *results}
        self._names = {key: self._renamed(listing, taken) for key, listing in listings.items()}
        self._types: dict[str, Any] = {}
        for key, listing in listings.items():
            empty = listing.rows.table(0, 0).dtypes
            for name, dtype in zip(self._names[key], empty, strict=True):
                if name is not None:
                    same = name not in self._types or self._types[name] == dtype
                    self._types[name] = dtype if same else np.dtype(object)
        everywhere = {
            name
            for name in self._types
            if all(group.listing and name in self._names[id(group.listing)] for group in images.groups)
        }
        for name in self._types.keys() - everywhere:
            self._types[name] = _with_missing(self._types[name])

    @property
    def columns(self) -> list[str]:
        """The names of the columns, `file` being the last."""
        return [*self._types, FILE]

    def table(self, first: int, end: int) -> pd.DataFrame:
        """Return the columns for the images from `first` to before `end`; its index is the images' numbers."""
        pieces = list(self._images.pieces(first, end)) or [(Files(), 0, 0)]
        parts = [self._part(*piece) for piece in pieces]
        table = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        return table.set_axis(range(first, end), axis="index")

    def _renamed(self, listing: Listing, taken: set[str]) -> list[str | None]:
        """Return what each column is called in the results; None: it is `file` itself."""
        own = set(listing.names)
        names: list[str | None] = []
        for number, name in enumerate(listing.names):
            if name == FILE and number == listing.column and self._as_written:
                names.append(None)
                continue
            new = name
            while new in taken or (new != name and new in own):
                new += "_list"
            names.append(new)
        if changed := [new for new, old in zip(names, listing.names, strict=True) if new not in (None, old)]:
            note(f"{listing.where}: columns called as those of the results become {', '.join(map(str, changed))}")
        return names

    def _part(self, group: Group, first: int, end: int) -> pd.DataFrame:
        found: dict[str, Any] = {}
        if isinstance(group, Listed):
            rows = group.listing.rows.table(first, end)
            called = self._names[id(group.listing)]
            found = {name: rows.iloc[:, i] for i, name in enumerate(called) if name is not None}
        columns = {name: _of_type(found.get(name), dtype, end - first) for name, dtype in self._types.items()}
        if isinstance(group, Listed) and self._as_written:
            names = [sources.as_utf8(group.listing.path(row)) for row in range(first, end)]
        else:
            names = [group.source(number).name for number in range(first, end)]
        return pd.DataFrame(columns | {FILE: pd.Series(names, dtype=object)})


def _with_missing(dtype: Any) -> Any:
    """Return the type of a column of which some values are missing."""
    if isinstance(dtype, np.dtype) and dtype.kind in "iub":
        return pd.Series([], dtype=dtype).convert_dtypes().dtype
    return dtype


def _of_type(values: Any, dtype: Any, number: int) -> Any:
    """Return a column's values as of that type; without values, so many missing ones."""
    if values is None:
        return pd.Series([None] * number, dtype=dtype)
    if values.dtype == dtype:
        return values
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return pd.Series([None if pd.isna(value) else str(value) for value in values], dtype=object)
    return values.astype(dtype)
