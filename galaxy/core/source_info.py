"""`source.json`: where the galaxies came from. It lies beside them, so that figures can say if they are simulated."""

from pathlib import Path
from typing import Any

from galaxy.core import files

NAME = "source.json"


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write `source.json` into the folder of the galaxies."""
    files.write_json(folder / NAME, content)


def read(folder: Path) -> dict[str, Any]:
    """Read the `source.json` in a folder."""
    return files.read_json(folder / NAME)


def label(content: dict[str, Any]) -> str:
    """Return a title for the labelled galaxies: "3,000 galaxies (simulated)"."""
    return f"{content['training_galaxies']:,} galaxies ({content['source']})"
