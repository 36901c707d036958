"""`source.json`: where the galaxies came from. It travels beside them, so that no figure passes simulated for real."""

from pathlib import Path
from typing import Any

from galaxy.core import files

NAME = "source.json"


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write it into the folder of the data that it speaks of."""
    files.write_json(folder / NAME, content)


def read(folder: Path) -> dict[str, Any]:
    """What `write` wrote there."""
    return files.read_json(folder / NAME)


def label(content: dict[str, Any]) -> str:
    """What the labelled galaxies are, for titles: "3,000 galaxies (simulated)"."""
    return f"{content['training_galaxies']:,} galaxies ({content['source']})"
