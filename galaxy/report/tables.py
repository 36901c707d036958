"""Tables and figures for the templates: cells as text, images as part of the page."""

import base64
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

INTERVAL = "95 % interval"


def rows(table: pd.DataFrame, key: str) -> dict[str, Any]:
    """Return a table for the template: columns, and rows with a name, from the column `key`, and cells as text.

    Columns `low` and `high` become one, the interval.
    """
    if "low" in table:
        interval = [f"{low:.3f} to {high:.3f}" for low, high in zip(table["low"], table["high"], strict=True)]
        table = table.assign(low=interval).rename(columns={"low": INTERVAL}).drop(columns="high")
    columns = [name for name in table if name != key]
    texts = [{"name": row[key], "cells": [cell(row[name]) for name in columns]} for row in table.to_dict("records")]
    return {"columns": [str(name).replace("_", " ") for name in columns], "rows": texts}


def cell(value: Any) -> str:
    """Return a number, with three decimals or four digits and thousands set apart, or a text; nothing for NaN."""
    if isinstance(value, float):
        if np.isnan(value):
            return ""
        if value.is_integer() and abs(value) > 1:
            return f"{value:,.0f}"
        return f"{value:,.{max(0, 3 - sum(abs(value) >= limit for limit in (10, 100, 1000)))}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def figures(folder: Path) -> list[dict[str, Any]]:
    """Return the `name` and the `data:` address of each PNG in a folder, and whether it is `wide`, sorted by name."""
    return [_figure(path) for path in sorted(folder.glob("*.png"))]


def _figure(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    address = "data:image/png;base64," + base64.b64encode(content).decode()
    width, height = struct.unpack(">2I", content[16:24])  # of the header, the first chunk of every PNG
    return {"name": path.stem, "address": address, "wide": width > 1.5 * height}
