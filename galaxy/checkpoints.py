"""Where an interrupted training goes on: a folder for its checkpoints, keyed by all that its result depends on.

The folder lies outside DVC's outs, which DVC deletes before it runs a stage. A checkpoint of other params, code, data
or libraries has another key and is never found.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from galaxy import files, processes
from galaxy.errors import GalaxyError

LIBRARIES = ("albumentations", "lightning", "numpy", "opencv-python-headless", "timm", "torch")


@contextmanager
def folder(root: Path, contents: list[Any]) -> Iterator[Path]:
    """The folder for a training that depends on `contents` (JSON-like), while it runs; those of others in `root` go.

    Where the training ends well, `root` goes too. No other process gets a folder in `root` meanwhile: the system gives
    the lock beside it free when its process ends, however that ends.

    Raises:
        GalaxyError: another process trains there.
    """
    with ExitStack() as stack:
        if processes.is_main():
            root.parent.mkdir(parents=True, exist_ok=True)
            lock = root.with_name(f"{root.name}.lock")
            try:
                stack.enter_context(FileLock(lock, blocking=False))
            except Timeout:
                raise GalaxyError(
                    f"another process is training with the checkpoints in {root}; wait until it has ended, or end it "
                    "(pgrep -af stages names it)"
                ) from None
            yield _cleared(root, contents)
            shutil.rmtree(root)
            lock.unlink()  # still held: who waits for it finds it gone, and makes a new one
        else:
            yield root / _key(contents)


def _key(contents: list[Any]) -> str:
    """A name for all that a training's result depends on."""
    code = {
        str(path.relative_to(Path(__file__).parent)): files.sha256(path)
        for path in sorted(Path(__file__).parent.rglob("*.py"))
    }
    libraries = {name: version(name) for name in LIBRARIES}
    return hashlib.sha256(json.dumps([contents, code, libraries], sort_keys=True).encode()).hexdigest()[:16]


def _cleared(root: Path, contents: list[Any]) -> Path:
    """The folder in `root` for these contents, after all others have been removed."""
    key = _key(contents)
    for other in root.glob("*"):
        if other.name != key:
            shutil.rmtree(other)
    return root / key
