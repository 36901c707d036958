"""The commands that the README and the pages under docs/ show."""

import re
import shlex
from collections.abc import Iterable
from os.path import normpath
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "data/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOK = ROOT / "notebooks/quickstart.ipynb"
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)

PROGRAMS = (
    "galaxy|dvc|python3?|pip|uv|pip-audit|pytest|ruff|mypy|pre-commit|git|cp|ln|mkdir|rm|sed|srun|torchrun|kaggle|tensorboard|uvx|wandb|for|"
    "[A-Z_]+=[0-9] (?:dvc|python)"
)
COMMAND = re.compile(rf"(?:{PROGRAMS}) [\w.$-]")


class Command(NamedTuple):
    """A command in words, and the folder of the project in which it runs."""

    folder: str
    words: tuple[str, ...]


def blocks(page: Path, language: str = "") -> list[str]:
    """Return the page's fenced blocks of a language; by default those without one."""
    return [text for found, text in FENCED.findall(page.read_text()) if found == language]


def words(command: str) -> tuple[str, ...]:
    """Split a command as a shell does."""
    return tuple(shlex.split(command))


def in_blocks(page: Path) -> set[Command]:
    """Return every command of the page's blocks, which hold output, too; a prompt may stand before a command."""
    texts = [block.replace("\\\n", " ").splitlines() for block in blocks(page)]
    return {command for lines in texts for command in commands(line.strip().removeprefix("$ ") for line in lines)}


def in_text(page: Path) -> set[Command]:
    """Return every command in the page's sentences; some of them leave out what the command needs."""
    texts = re.findall(r"`([^`]+)`", FENCED.sub("", page.read_text()))
    return {command for text in texts for command in commands([" ".join(text.split())])}


def commands(lines: Iterable[str]) -> set[Command]:
    """Return the commands of lines that one shell reads, so that each runs where the last `cd` led."""
    found, folder = set(), "."
    for line in lines:
        for part in line.split(" && "):
            if part.startswith("cd "):
                folder = normpath(Path(folder, part.removeprefix("cd ")))
            elif COMMAND.match(part) or part in ("pytest", "mypy"):
                found.add(Command(folder, words(part)))
    return found
