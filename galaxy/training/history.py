"""What training shows and remembers, epoch by epoch."""

import time
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import pandas as pd
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from galaxy.core.runtime import say

EVALUATED = ("valid", "train")
"""The sets that each epoch is scored on, in the order of the loaders."""


class History(Callback):
    """One row an epoch, epoch 0 before any training: `epoch`, the metrics of train and valid, `lr`.

    It is part of every checkpoint, so a resumed training has the rows from before.
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
        measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
        # Before training there is no optimizer yet.
        rates = [max(group["lr"] for group in optimizer.param_groups) for optimizer in trainer.optimizers]
        epoch = trainer.current_epoch + 1 if trainer.state.fn == "fit" else 0
        scores = {f"{set_}_{m}": measured[f"{set_}_{m}"] for m in _metric_names(measured) for set_ in EVALUATED[::-1]}
        self.rows.append({"epoch": epoch, **scores, "lr": rates[0] if rates else self.learning_rate})
        shown = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        speed = f"  {self.images / self.seconds:.0f} images/s" if epoch else ""
        say(f"epoch {epoch:3d}  {shown}{speed}")

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def _metric_names(measured: dict[str, float]) -> list[str]:
    prefix = f"{EVALUATED[0]}_"
    return [name.removeprefix(prefix) for name in measured if name.startswith(prefix)]


class Bar(TQDMProgressBar):
    """Lightning's bar, for training alone; where nobody watches, the history's line an epoch is enough."""

    def init_validation_tqdm(self) -> Any:
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar
