"""The commands that the README and the pages under docs/ show."""

import re
import shlex
from pathlib import Path

from conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

PROGRAMS = (
    "galaxy|dvc|python3?|pip|uv|pip-audit|pytest|ruff|mypy|pre-commit|git|cp|srun|torchrun|kaggle|for|"
    "[A-Z_]+=[0-9] (?:dvc|python)"
)
COMMAND = re.compile(rf"(?:{PROGRAMS}) [\w.$-]")


def blocks(page: Path, language: str = "") -> list[str]:
    """The fenced blocks of a language; of none, by default."""
    return [text for found, text in FENCED.findall(page.read_text()) if found == language]


def words(command: str) -> tuple[str, ...]:
    return tuple(shlex.split(command))


def shown(page: Path) -> set[tuple[str, ...]]:
    """Every command of the page's blocks, in words; a prompt may stand before it. The blocks hold output, too."""
    lines = [line for block in blocks(page) for line in block.replace("\\\n", " ").splitlines()]
    return _commands([line.strip().removeprefix("$ ") for line in lines])


def mentioned(page: Path) -> set[tuple[str, ...]]:
    """Every command in the page's text, in words; some of them name a command, and leave out what it needs."""
    return _commands(re.findall(r"`([^`]+)`", FENCED.sub("", page.read_text())))


def _commands(lines: list[str]) -> set[tuple[str, ...]]:
    parts = [part for line in lines for part in " ".join(line.split()).split(" && ")]
    return {words(part) for part in parts if COMMAND.match(part) or part in ("pytest", "mypy")}
