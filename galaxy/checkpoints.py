"""Where an interrupted training goes on: a folder for its checkpoints, keyed by all that its result depends on.

The folder lies outside DVC's outs, which DVC deletes before it runs a stage. A checkpoint of other params, code, data
or libraries has another key and is never found.
"""

import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from galaxy import files, processes

LIBRARIES = ("albumentations", "lightning", "numpy", "opencv-python-headless", "timm", "torch")


def folder(root: Path, contents: list[Any]) -> Path:
    """The folder for a training that depends on `contents` (JSON-like); those of other trainings in `root` go."""
    code = {
        str(path.relative_to(Path(__file__).parent)): files.sha256(path)
        for path in sorted(Path(__file__).parent.rglob("*.py"))
    }
    libraries = {name: version(name) for name in LIBRARIES}
    key = hashlib.sha256(json.dumps([contents, code, libraries], sort_keys=True).encode()).hexdigest()[:16]
    for other in root.glob("*") if processes.is_main() else ():
        if other.name != key:
            shutil.rmtree(other)
    return root / key
