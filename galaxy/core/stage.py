"""The running stage: DVC may record of its inputs only what it has read.

DVC computes the checksums of a stage's code, params and files when the stage has ended. If one was edited meanwhile,
the lock file and the run cache would name the new one for results of the old one, and call them up to date.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from galaxy.core import errors
from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE, read_yaml
from galaxy.core.runtime import is_main

_begun: dict[str, Any] = {}
"""The inputs when the stage began."""


def run(main: Callable[[], None]) -> None:
    """Run a stage, see `galaxy.core.errors.run`; fail if an input changed meanwhile, so that DVC records nothing."""

    def checked() -> None:
        _begun.update(_inputs())
        main()
        check()

    errors.run(checked)


def check() -> None:
    """Compare the stage's inputs with those when it began; nothing is compared unless DVC runs the stage.

    Raises:
        GalaxyError: a section of the params, a file of the code or a file of the data differs.
    """
    if not _begun or not is_main():
        return
    now = _inputs()
    changed = sorted(name for name in _begun.keys() | now.keys() if _begun.get(name) != now.get(name))
    if changed:
        raise GalaxyError(
            f"{', '.join(changed[:5])} changed while this stage ran, so DVC would record the new state for results of "
            "the old one. Put it back and run again (a training resumes), or run again as it is. To edit while a stage "
            "runs, start it by dvc exp run --temp"
        )


def stages() -> dict[str, dict[str, Any]]:
    """Return the stages in the folder's `dvc.yaml` by name; of one for each of several items, what it does for one."""
    listed = read_yaml(Path("dvc.yaml").read_text())["stages"]
    return {name: entry.get("do", entry) for name, entry in listed.items()}


def _inputs() -> dict[str, Any]:
    """Return the state of all that DVC records of the running stage, by what it is; empty if DVC does not run it."""
    name, _, item = os.environ.get("DVC_STAGE", "").rpartition(":")[2].partition("@")
    if not name:
        return {}
    entry = stages()[name]
    state: dict[str, Any] = {}
    for dep in entry["deps"]:
        state |= _files(Path(_filled(dep, item)))
    try:
        content = read_yaml(PARAMS_FILE.read_text())
    except (OSError, yaml.YAMLError):  # in the middle of an edit
        content = None
    for section in entry.get("params", []):
        key = _filled(section, item) if isinstance(section, str) else ""
        state[f"{key or 'a section'} of {PARAMS_FILE}"] = _section(content, key)
    return state


def _filled(text: str, item: str) -> str:
    """Return the text of a stage that is made for each item, for one item."""
    model, _, fold = item.rpartition("-")  # of one that is made for each model and fold
    values = {"key": item, "item": item, "item.model": model, "item.fold": fold}
    return re.sub(r"\$\{([a-z.]+)\}", lambda match: values.get(match[1], match[0]), text)


def _section(content: Any, key: str) -> Any:
    """Return the section of a dotted key; the whole content for an empty one, None for one that is not there."""
    for part in filter(None, key.split(".")):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _files(path: Path) -> dict[str, Any]:
    """Return the state of a file, or of each in a folder: the content of code, size and time of data."""
    if path.suffix == ".py" and path.is_file():
        return {str(path): path.read_bytes()}
    if path.is_dir() and path.name != "__pycache__":
        return {name: state for inner in path.iterdir() for name, state in _files(inner).items()}
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns)} if path.is_file() else {}
