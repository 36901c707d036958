"""Reasons why a training failed, in one line if they are known."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import lightning as L  # noqa: N812 (the library's own name)
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from galaxy.core.errors import GalaxyError, describe
from galaxy.core.params import Training
from galaxy.models.network import Network
from galaxy.training.engine import DivergedError


@contextlib.contextmanager
def explain_failures(trainer: L.Trainer, network: Network, options: Training) -> Iterator[None]:
    """Turn an error of a training into one line if its cause is known, and end the other processes.

    Raises:
        GalaxyError: the cause is known.
        SystemExit: the process was asked to end (SIGTERM).
    """
    try:
        yield
    except DivergedError:
        raise  # all processes raise it at once
    except SIGTERMException:
        _end_others(trainer)
        sys.exit(128 + signal.SIGTERM)  # Lightning would exit with 0, as if all were well
    except RuntimeError as error:
        reason = _reason(error, trainer, options)
        _end_others(trainer)  # first, because trying the network again takes a while
        if reason is None and _needs_full_precision(network, trainer):
            refused = f"precision is {options.precision}, but {network.spec.model} does not compute in it here"
            reason = f"{refused}: {describe(error)}; set precision to 32-true"
        if reason is None:
            raise
        raise GalaxyError(reason) from None
    except (GalaxyError, OSError):
        _end_others(trainer)
        raise


def _reason(error: RuntimeError, trainer: L.Trainer, options: Training) -> str | None:
    """Return the cause if the error or another process shows it; wait some seconds for the other processes."""
    if options.deterministic and "deterministic" in str(error):
        return f"deterministic is true, but {describe(error)}"
    if any(_has_failed(process) for process in getattr(trainer.strategy.launcher, "procs", [])):
        return "one of the processes that train together has failed; its own message is above"
    return None


def _end_others(trainer: L.Trainer) -> None:
    """End the processes that the main one started: they would wait for it forever."""
    if trainer.strategy.launcher is not None:
        trainer.strategy.launcher.kill(signal.SIGKILL)


def _has_failed(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process ends with an error within five seconds; others may notice the loss first."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(5) != 0
    return False


def _needs_full_precision(network: Network, trainer: L.Trainer) -> bool:
    """Return whether a network computes in full precision but not in the trainer's, on the trainer's device."""
    side, channels = network.spec.size, len(network.spec.mean)
    device = trainer.strategy.root_device
    image = torch.zeros((1, side, side, channels), dtype=torch.uint8, device=device)
    network.to(device).eval()

    def computes(precision: contextlib.AbstractContextManager[None]) -> bool:
        try:
            with torch.no_grad(), precision:
                network(image)
        except RuntimeError:
            return False
        return True

    return computes(contextlib.nullcontext()) and not computes(trainer.precision_plugin.forward_context())
