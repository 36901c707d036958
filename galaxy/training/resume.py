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

from galaxy.core import files
from galaxy.core import runtime
from galaxy.core.errors import GalaxyError

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
        if runtime.is_main():
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


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are whole or absent. Lightning's own are copied from the system's temporary folder, which may
    be another disk: a training killed meanwhile would leave a part of one, and nothing to go on from."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with files.atomic(Path(path)) as part:
            part.write_bytes(content.getbuffer())


BEST = "best.ckpt"
"""Of the files in a training's folder, the one with the weights of the best epoch."""


def restore_best(network: Network, scratch: Path) -> int:
    """Give a network, on the CPU and in evaluation mode, the weights of the best epoch in `scratch`; which it is."""
    best = torch.load(scratch / BEST, map_location="cpu", weights_only=True)
    tensors = {name.removeprefix("network."): tensor for name, tensor in best["state_dict"].items()}
    network.cpu().eval().load_state_dict(tensors)
    return best["epoch"] + 1


def _is_whole(checkpoint: Path) -> bool:
    """Whether a checkpoint is there and can be read; of a damaged one it is said that it is of no use."""
    try:
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return False
    except (AttributeError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        runtime.say(f"{checkpoint} is damaged ({describe(error)}): starting anew")
        return False
    return True
