"""The history of a training: the metrics of each epoch, printed and kept."""

import time
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from galaxy.core.runtime import say

EVALUATED = ("valid", "train")
"""Sets that each epoch is scored on, in the order of the loaders."""


class History(Callback):
    """Keep one row per epoch: `epoch` (0: before training), the metrics of train and valid, `lr`.

    The rows are part of every checkpoint, so that a resumed training has them too.
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.rows: list[dict[str, float]] = []
        self.start, self.images = 0.0, 0

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:  # a resumed training calls no hook at the start of its first epoch
            self.start, self.images = time.perf_counter(), 0

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *batch: Any) -> None:
        self.images += len(batch[0][0]) * trainer.world_size

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seconds = time.perf_counter() - self.start

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1 if trainer.state.fn == "fit" else 0
        scores = _scores(trainer.callback_metrics)
        self.rows.append({"epoch": epoch, **scores, "lr": self._rate(trainer)})
        words = [f"{name} {value:.4f}" for name, value in scores.items()]
        if epoch:
            words.append(f"{self.images / self.seconds:.0f} images/s")
        say("  ".join([f"epoch {epoch:3d}", *words]))

    def _rate(self, trainer: L.Trainer) -> float:
        """Return the highest learning rate of all layers; before training there is no optimizer yet."""
        if not trainer.optimizers:
            return self.learning_rate
        return max(group["lr"] for group in trainer.optimizers[0].param_groups)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def _scores(measured: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return each metric on train and on valid, side by side."""
    metrics = [name.removeprefix("valid_") for name in measured if name.startswith("valid_")]
    return {name: float(measured[name]) for metric in metrics for name in (f"train_{metric}", f"valid_{metric}")}


class Bar(TQDMProgressBar):
    """Lightning's progress bar, without one for scoring."""

    def init_validation_tqdm(self) -> Any:
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar
