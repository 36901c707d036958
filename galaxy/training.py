"""The training engine: one Lightning module and Lightning's Trainer, for every task and every network."""

import logging
import math
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint, TQDMProgressBar
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn
from torch.optim import lr_scheduler

from galaxy.datasets import Images, ordered_loader, training_loader
from galaxy.errors import GalaxyError
from galaxy.params import Train
from galaxy.tasks import Task

# Its notes on hardware and its tips; warnings stay.
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

EVALUATED = ("valid", "train")
"""The sets that each epoch is scored on, in the order of the loaders."""


class Engine(L.LightningModule):
    """A network, its task, and how it is optimised."""

    def __init__(self, network: nn.Module, task: Task, options: Train) -> None:
        super().__init__()
        self.network, self.task, self.options = network, task, options
        self.scores = {name: task.metrics() for name in EVALUATED}
        self._registered = nn.ModuleList(self.scores.values())  # or they would not move to the device

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, targets = batch
        return self.task.loss(self.network(images), targets)

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int, dataloader_idx: int) -> None:
        images, targets = batch
        self.scores[EVALUATED[dataloader_idx]].update(self.network(images), targets)

    def on_validation_epoch_end(self) -> None:
        for name, score in self.scores.items():
            self.log_dict({f"{name}_{metric}": value for metric, value in score.compute().items()})
            score.reset()

    def configure_optimizers(self) -> Any:
        options = self.options
        optimizer = create_optimizer_v2(
            self.network, opt=options.optimizer, lr=options.learning_rate, weight_decay=options.weight_decay
        )
        steps = int(self.trainer.estimated_stepping_batches)
        rates = schedule(optimizer, options, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


def schedule(optimizer: torch.optim.Optimizer, options: Train, steps: int) -> lr_scheduler.LRScheduler:
    """The learning rate by step: constant or cosine (to zero) after a linear warm-up, or one cycle."""
    if options.schedule == "one_cycle":
        # Two steps at least: torch's schedule divides by the length of its phases.
        return lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=max(steps, 2), pct_start=0.3)
    warmup = round(steps * options.warmup_epochs / options.epochs)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if options.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))

    return lr_scheduler.LambdaLR(optimizer, factor)


class History(Callback):
    """One row an epoch, epoch 0 before any training: `epoch`, the metrics of train and valid, `lr`.

    It is part of every checkpoint, so a resumed training has the rows from before.
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.rows: list[dict[str, float]] = []
        self.start, self.images = 0.0, 0

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.start, self.images = time.perf_counter(), 0

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *batch: Any) -> None:
        self.images += len(batch[0][0])

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seconds = time.perf_counter() - self.start

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
        # Before training there is no optimizer yet.
        rates = [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]
        epoch = trainer.current_epoch + 1 if trainer.state.fn == "fit" else 0
        scores = {f"{set_}_{m}": measured[f"{set_}_{m}"] for m in _metric_names(measured) for set_ in EVALUATED[::-1]}
        self.rows.append({"epoch": epoch, **scores, "lr": rates[0] if rates else self.learning_rate})
        shown = "  ".join(f"{name} {value:.4f}" for name, value in scores.items())
        speed = f"  {self.images / self.seconds:.0f} images/s" if epoch else ""
        print(f"epoch {epoch:3d}  {shown}{speed}", flush=True)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def _metric_names(measured: dict[str, float]) -> list[str]:
    prefix = f"{EVALUATED[0]}_"
    return [name.removeprefix(prefix) for name in measured if name.startswith(prefix)]


class _Bar(TQDMProgressBar):
    """Lightning's bar, for training alone; where nobody watches, the history's line an epoch is enough."""

    def init_validation_tqdm(self) -> Any:
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar


def fit(network: nn.Module, task: Task, options: Train, train: Images, valid: Images, scratch: Path) -> pd.DataFrame:
    """Train `network` in place and leave it with the weights of its best epoch by the task's metric on `valid`.

    Each epoch is scored, without augmentation, on `valid` and on as many of the training images, so that the two
    curves differ by nothing but what the network saw.

    Args:
        scratch: a folder for checkpoints; removed at the end.

    Returns:
        The history: one row an epoch, see `History`.
    """
    if options.optimizer not in list_optimizers():
        raise GalaxyError(f"unknown optimizer {options.optimizer!r}; timm has {', '.join(map(str, list_optimizers()))}")
    L.seed_everything(options.seed, workers=True, verbose=False)
    loader = training_loader(train, options.batch_size, options.seed, options.workers)
    sampled = np.sort(np.random.default_rng(options.seed).permutation(train.rows)[: len(valid)])
    sample = Images(train.images, train.targets, sampled)
    scored = [ordered_loader(valid, 2 * options.batch_size), ordered_loader(sample, 2 * options.batch_size)]

    shutil.rmtree(scratch, ignore_errors=True)
    history = History(options.learning_rate)
    monitor = f"valid_{task.monitor}"
    best = ModelCheckpoint(scratch, "best", monitor=monitor, mode=task.mode, save_weights_only=True)
    callbacks: list[Callback] = [history, best]
    if options.early_stopping is not None:
        callbacks.append(EarlyStopping(monitor, patience=options.early_stopping, mode=task.mode))
    if options.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=options.ema_decay))
    if sys.stderr.isatty():
        callbacks.append(_Bar())
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=options.precision,
        max_epochs=options.epochs,
        gradient_clip_val=options.gradient_clip,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        inference_mode=False,  # the metrics that epoch 0 fills are used on in training
    )
    engine = Engine(network, task, options)
    with warnings.catch_warnings():
        # The batches come ready made, a worker would only be in the way; and few steps an epoch are no mistake.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*LeafSpec.*")  # Lightning's own use of torch
        trainer.validate(engine, scored, verbose=False)
        trainer.fit(engine, loader, scored)
    state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    engine.load_state_dict(state)
    network.cpu().eval()
    shutil.rmtree(scratch)
    return history.table()
