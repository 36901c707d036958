"""The history of a training: the metrics of each epoch, printed and kept, and a bar within each epoch."""

import shutil
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from tqdm import tqdm

from galaxy.core import runtime
from galaxy.core.params import Training
from galaxy.training.loggers import RunLog
from galaxy.training.objectives import Objective

EVALUATED = ("valid", "train")
"""Sets that each epoch is scored on, in the order of the loaders."""

REDRAWN = 0.5
"""Seconds between two losses in the bar, because reading one makes a GPU wait."""


LONG = 1800
"""Seconds of training that deserve a warning after the first epoch."""


@dataclass
class Duration:
    """How long the epochs of a training took, over all runs that it was resumed in.

    Attributes:
        seconds: all epochs, each with its scoring; what an interrupted epoch lost does not count.
        stepping: of them, those of training steps.
        images: training images in these steps.
    """

    seconds: float = 0.0
    stepping: float = 0.0
    images: int = 0

    @property
    def images_per_second(self) -> float:
        """Training images per second of training steps."""
        return self.images / self.stepping if self.stepping else 0.0


class History(Callback):
    """Keep one row per epoch: `epoch` (0: before training), the metrics of train and valid, `lr`; and the duration.

    Both are part of every checkpoint, so that a resumed training has them too. Rows are logged if there is a log.
    """

    def __init__(self, options: Training, objective: Objective, run_log: RunLog | None = None) -> None:
        self.options, self.objective, self.run_log = options, objective, run_log
        self.rows: list[dict[str, float]] = []
        self.bar: tqdm[Any] = tqdm(disable=True)
        self.duration = Duration()
        self.earlier = 0.0  # seconds of the processes that this one resumes
        self.began: float | None = None  # when the first epoch of this process began
        self.epochs_done = 0  # by this process

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:  # a resumed training calls no hook at the start of its first epoch
            self.start = self.read = time.perf_counter()
            self.began = self.began or self.start
            self.loss, self.images = torch.zeros((), device=pl_module.device), 0
            self._new_bar(trainer, "", int(trainer.num_training_batches) * self.options.part_size)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        images = len(batch[0]) * trainer.world_size
        self.images += images
        self.loss += outputs["loss"].detach() * self.options.gradient_accumulation  # Lightning divides each part's
        if not self.bar.disable and time.perf_counter() - self.read > REDRAWN:
            self.bar.set_postfix_str(f"loss {float(self.loss) / (batch_idx + 1):.4f}", refresh=False)
            self.read = time.perf_counter()
        self.bar.update(images)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.state.fn == "fit":
            stepping = time.perf_counter() - self.start
            self.rate = self.images / stepping
            self.duration.stepping += stepping
            self.duration.images += self.images
        loaders = trainer.val_dataloaders
        self._new_bar(trainer, ", scoring", sum(len(loader.dataset) for loader in loaders or ()))

    def on_validation_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, *which: int
    ) -> None:
        self.bar.update(len(batch[0]) * trainer.world_size)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.bar.close()
        if self.began is not None:
            self.duration.seconds = self.earlier + time.perf_counter() - self.began
        scores = _scores(trainer.callback_metrics)
        self.rows.append({"epoch": self._epoch(trainer), **scores, "lr": self._rate(trainer)})
        if self.run_log is not None:
            self.run_log.epoch(trainer.global_step, self.rows[-1], self.options.model_dump())
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        runtime.say(fitting(self._words(trainer, scores), columns))
        if self.epochs_done == 1 and (warning := too_long(self._left(self._epoch(trainer)))):
            runtime.say(warning)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.bar.close()  # so that the message stands on a line of its own

    def _new_bar(self, trainer: L.Trainer, activity: str, images: int) -> None:
        """Show a bar of this epoch instead of the last one."""
        self.bar.close()
        label = f"epoch {self._epoch(trainer)}/{self.options.epochs}{activity}"
        self.bar = runtime.new_bar(label, images, keep=False)

    def _words(self, trainer: L.Trainer, scores: dict[str, float]) -> list[tuple[int, str]]:
        """Return what to print about the epoch, each part with a rank: the highest is left out first."""
        epoch, epochs, monitor = self._epoch(trainer), self.options.epochs, self.objective.monitor
        words = [
            (0, f"epoch {epoch:{len(str(epochs))}}/{epochs}"),
            (0, " "),
            (4, f" {monitor}"),
            (0, f" train {scores[f'train_{monitor}']:.4f} valid {scores[f'valid_{monitor}']:.4f}"),
        ]
        if epoch:
            self.epochs_done += 1
            column, sign = f"valid_{monitor}", 1 if self.objective.mode == "min" else -1
            best = min(self.rows[1:], key=lambda row: sign * row[column])
            words += [
                (1, f" best {best[column]:.4f}"),
                (5, f" (epoch {best['epoch']})"),
                (6, f"  loss {float(self.loss) / int(trainer.num_training_batches):.4f}"),
                (3, f"  {self.rate:.0f} images/s"),
            ]
        if 0 < epoch < epochs:
            words.append((2, f"  {clock(self._left(epoch))} left"))
        return words

    def _left(self, epoch: int) -> float:
        """Return how many seconds the epochs after this one will take, by those of this process."""
        assert self.began is not None
        return (self.options.epochs - epoch) * (time.perf_counter() - self.began) / self.epochs_done

    def _epoch(self, trainer: L.Trainer) -> int:
        return trainer.current_epoch + 1 if trainer.state.fn == "fit" else 0

    def _rate(self, trainer: L.Trainer) -> float:
        """Return the highest learning rate of all layers; before training there is no optimizer yet."""
        if not trainer.optimizers:
            return self.options.learning_rate
        return max(group["lr"] for group in trainer.optimizers[0].param_groups)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "duration": asdict(self.duration)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.duration = state_dict["rows"], Duration(**state_dict["duration"])
        self.earlier = self.duration.seconds

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def fitting(words: list[tuple[int, str]], columns: int) -> str:
    """Return a line of at most `columns` characters, without the words of the highest ranks if it must be shorter."""
    kept = list(words)
    while sum(len(word) for _, word in kept) > columns and max(kept)[0]:
        kept.remove(max(kept))
    return "".join(word for _, word in kept)


def too_long(left: float) -> str:
    """Return a warning if a training takes more than `LONG` seconds from now on, else nothing."""
    if left <= LONG:
        return ""
    return (
        f"warning: this training will take {clock(left)} more on this machine; Ctrl-C ends it, and the same command "
        "resumes it after its last epoch"
    )


def clock(seconds: float) -> str:
    """Return a duration as `0:12` (minutes and seconds) or `1:02:12`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _scores(measured: dict[str, torch.Tensor]) -> dict[str, float]:
    """Return each metric on train and on valid, side by side."""
    metrics = [name.removeprefix("valid_") for name in measured if name.startswith("valid_")]
    return {name: float(measured[name]) for metric in metrics for name in (f"train_{metric}", f"valid_{metric}")}
