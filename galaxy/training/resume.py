"""Resuming an interrupted training from its checkpoints.

They lie outside DVC's outs, which DVC deletes before it runs a stage. The folder's name depends on params, code, data
and library versions, so a training never resumes from another one's checkpoint.
"""

import hashlib
import io
import json
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from lightning.pytorch.plugins.io import TorchCheckpointIO

from galaxy.core import files, runtime
from galaxy.core.errors import GalaxyError, describe
from galaxy.models.network import Network

BEST, LAST = "best.ckpt", "last.ckpt"
"""Files in a training's folder: the weights of the best epoch, and the whole state after the last one."""

LIBRARIES = ("albumentations", "lightning", "numpy", "opencv-python-headless", "timm", "torch")


@contextmanager
def folder(root: Path, contents: list[Any]) -> Iterator[Path]:
    """Give the folder in `root` for the checkpoints of a training whose result depends on `contents` (JSON-like).

    Remove the folders of other trainings in `root`, and `root` itself when the training succeeds. A lock beside `root`
    keeps other processes out; the system releases it when this process ends, even if it is killed.

    Raises:
        GalaxyError: another process trains there.
    """
    own = root / _key(contents)
    if not runtime.is_main():
        yield own
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    lock = root.with_name(f"{root.name}.lock")
    try:
        held = FileLock(lock, blocking=False).acquire()
    except Timeout:
        reason = f"another process is training with the checkpoints in {root}"
        raise GalaxyError(f"{reason}; wait until it has ended, or end it (pgrep -af stages names it)") from None
    with held:
        for other in root.glob("*"):
            if other != own:
                shutil.rmtree(other)
        yield own
        shutil.rmtree(root)
        lock.unlink()  # while still held; a process that waits for it then makes a new one


def _key(contents: list[Any]) -> str:
    """Return a name that depends on all that a training's result depends on."""
    package = Path(__file__).parent.parent
    code = {str(path.relative_to(package)): files.sha256(path) for path in sorted(package.rglob("*.py"))}
    libraries = {name: version(name) for name in LIBRARIES}
    return hashlib.sha256(json.dumps([contents, code, libraries], sort_keys=True).encode()).hexdigest()[:16]


class WholeCheckpoints(TorchCheckpointIO):
    """Write checkpoints that are whole or absent.

    Lightning copies its own from the system's temporary folder, which may be on another disk: a training killed in
    between would leave only part of a checkpoint to resume from.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with files.atomic(Path(path)) as part:
            part.write_bytes(content.getbuffer())


def restore_best(network: Network, scratch: Path) -> int:
    """Load the best epoch's weights into a network, on the CPU and in evaluation mode; return the epoch's number."""
    best = torch.load(scratch / BEST, map_location="cpu", weights_only=True)
    tensors = {name.removeprefix("network."): tensor for name, tensor in best["state_dict"].items()}
    network.cpu().eval().load_state_dict(tensors)
    return best["epoch"] + 1


def last_checkpoint(scratch: Path) -> tuple[Path, int] | None:
    """Return the checkpoint of the last epoch in a training's folder, and the number of steps until then.

    Return None if there is no checkpoint, or it is damaged.
    """
    checkpoint = scratch / LAST
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (AttributeError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        runtime.say(f"{checkpoint} is damaged ({describe(error)}): starting over")
        return None
    return checkpoint, content["global_step"]
