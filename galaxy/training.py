"""The training engine: one Lightning module and Lightning's Trainer, for every task and every network."""

import contextlib
import io
import logging
import math
import pickle
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import SIGTERMException
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn
from torch.optim import lr_scheduler

from galaxy import files, memory, processes
from galaxy.datasets import Images, ordered_loader, training_loader
from galaxy.errors import GalaxyError, describe
from galaxy.frame import Frame
from galaxy.history import EVALUATED, Bar, History
from galaxy.models import Network
from galaxy.params import Training
from galaxy.tasks import Task
from galaxy.views import View

# Its notes on hardware and its tips; warnings stay.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class DivergedError(GalaxyError):
    """A loss or a score that is no finite number; of no use is whatever training goes on from there."""

    def __init__(self, where: str) -> None:
        super().__init__(f"training diverged: {where}; lower learning_rate, or set gradient_clip")


CHECKED_BATCHES = 50
"""Batches after which losses are looked at: to look at one makes a GPU wait, so many are looked at together."""


class Engine(L.LightningModule):
    """A network, its task, how it is optimised, and what it sees of the images that it is scored on (None: all).

    Raises:
        DivergedError: a loss that is no finite number (at the latest `CHECKED_BATCHES` later, and before the epoch is
            scored), or such a score.
    """

    def __init__(self, network: Network, task: Task, options: Training, frame: Frame | None = None) -> None:
        super().__init__()
        self.network, self.task, self.options, self.frame = network, task, options, frame
        self.scores = {name: task.metrics() for name in EVALUATED}
        self._registered = nn.ModuleList(self.scores.values())  # or they would not move to the device
        self._losses: list[torch.Tensor] = []  # of the batches since they were last looked at

    def on_train_epoch_start(self) -> None:
        if self.options.freeze_epochs:
            self.network.freeze(self.current_epoch < self.options.freeze_epochs)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        # Dropout and the like: the same draws in a step whether or not the training was interrupted before it, and
        # others in each process.
        torch.manual_seed(self.options.seed * 1_000_003 + self.global_step + self.global_rank * 2**32)
        images, targets = batch
        loss = self.task.loss(self.network(images), targets)
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        batches = int(self.trainer.num_training_batches)
        if len(self._losses) < CHECKED_BATCHES and batch_idx + 1 < batches:
            return
        losses, first = torch.stack(self._losses), batch_idx + 2 - len(self._losses)
        self._losses.clear()
        # Together, lest one process stops and the others wait for it. A mean of losses is finite if they all are.
        losses = torch.as_tensor(self.trainer.strategy.reduce(losses, reduce_op="mean"))
        bad = losses.isfinite().logical_not().nonzero()
        if len(bad):
            place = f"epoch {self.current_epoch + 1}, batch {first + int(bad[0])} of {batches}"
            raise DivergedError(f"the loss is {float(losses[bad[0]])} in {place}")

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int, dataloader_idx: int) -> None:
        images, targets = batch
        self.scores[EVALUATED[dataloader_idx]].update(self.network(View()(images, self.frame)), targets)

    def on_validation_epoch_end(self) -> None:
        for name, score in self.scores.items():
            for metric, value in score.compute().items():
                if not value.isfinite():
                    epoch = self.current_epoch + 1 if self.trainer.state.fn == "fit" else 0
                    raise DivergedError(f"{name}_{metric} is {float(value)} after epoch {epoch}")
                self.log(f"{name}_{metric}", value, sync_dist=True)
            score.reset()

    def configure_optimizers(self) -> Any:
        options = self.options
        try:
            optimizer = create_optimizer_v2(
                self.network.backbone,
                opt=options.optimizer,
                lr=options.learning_rate,
                weight_decay=options.weight_decay,
                layer_decay=options.layer_decay,
                **options.optimizer_args,
            )
        except (TypeError, ValueError) as error:
            reason = f"optimizer {options.optimizer!r} does not take {options.optimizer_args}"
            raise GalaxyError(f"{reason}: {error}; change optimizer_args") from None
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_scale", 1)  # timm leaves that to its own schedules
        steps = int(self.trainer.estimated_stepping_batches)
        rates = schedule(optimizer, options, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}


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

STEPS = (0.6, 0.85)
"""The shares of training after which the schedule `steps` divides the learning rate by ten."""


def schedule(optimizer: torch.optim.Optimizer, options: Training, steps: int) -> lr_scheduler.LRScheduler:
    """The learning rate by step: constant, cosine (to zero) or in steps after a linear warm-up, or one cycle."""
    if options.schedule == "one_cycle":
        # Two steps at least: torch's schedule divides by the length of its phases.
        peaks = [group["lr"] for group in optimizer.param_groups]
        return lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=max(steps, 2), pct_start=0.3)
    warmup = round(steps * options.warmup_epochs / options.epochs)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if options.schedule == "constant":
            return 1.0
        if options.schedule == "steps":
            return 0.1 ** sum(step >= share * steps for share in STEPS)
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))

    return lr_scheduler.LambdaLR(optimizer, factor)


def fit(
    network: Network,
    task: Task,
    options: Training,
    train: Images,
    valid: Images,
    scratch: Path,
    events: Path = Path("runs"),
    frame: Frame | None = None,
) -> pd.DataFrame:
    """Train `network` in place and leave it with the weights of its best epoch by the task's metric on `valid`.

    Each epoch is scored, without augmentation, on `valid` and on as many of the training images, so that the two
    curves differ by nothing but what the network saw.

    Args:
        train, valid: rows of the same images; `valid.images` are those that the network is scored on.
        scratch: a folder for checkpoints, for this training alone: where an earlier call left one there, training goes
            on from it, and ends with the same bytes as if it had not been interrupted. The caller removes it.
        events: a folder for TensorBoard's event files, where the options ask for them.
        frame: what the network sees of `valid.images`; None: all.

    Returns:
        The history: one row an epoch, see `galaxy.history`.

    Raises:
        GalaxyError: an unknown optimizer, fewer images than one batch, or a precision that the network does not compute
            in.
        DivergedError: a loss or score that is no finite number. The best epoch before it, if any, is in `scratch`.
    """
    if options.optimizer not in list_optimizers():
        raise GalaxyError(f"unknown optimizer {options.optimizer!r}; timm has {', '.join(map(str, list_optimizers()))}")
    loader = training_loader(train, options.batch_size, options.seed, options.workers)
    sampled = np.sort(np.random.default_rng(options.seed).permutation(train.rows)[: len(valid)])
    sample = Images(valid.images, train.targets, sampled)
    scored = [ordered_loader(valid, 2 * options.batch_size), ordered_loader(sample, 2 * options.batch_size)]
    engine = Engine(network, task, options, frame)
    history = History(options.learning_rate)
    trainer = L.Trainer(
        **processes.where(options),
        precision=options.precision,
        deterministic=options.deterministic,
        max_epochs=options.epochs,
        gradient_clip_val=options.gradient_clip,
        gradient_clip_algorithm=options.gradient_clip_by,
        callbacks=[history, *_callbacks(task, options, scratch)],
        plugins=[WholeCheckpoints()],
        logger=_event_files(events) if options.tensorboard else False,
        log_every_n_steps=1,  # only epochs are logged
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        inference_mode=False,  # the metrics that epoch 0 fills are used on in training
    )
    last = scratch / "last.ckpt"
    if not torch.cuda.is_available():
        memory.keep_freed()
    with warnings.catch_warnings():
        # The batches come ready made, a worker would only be in the way; and few steps an epoch are no mistake.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*LeafSpec.*")  # Lightning's own use of torch
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # the folder that is resumed from
        try:
            if _is_whole(last):
                processes.say(f"going on from {last}")
                trainer.fit(engine, loader, scored, ckpt_path=last, weights_only=True)
            else:
                trainer.validate(engine, scored, verbose=False)
                trainer.fit(engine, loader, scored)
        except DivergedError:
            raise  # by all processes at once
        except SIGTERMException:
            processes.end_others(trainer)
            sys.exit(128 + signal.SIGTERM)  # Lightning would exit with 0, as if all were well
        except RuntimeError as error:
            explained = processes.explained(error, trainer, options)
            if explained is error and _is_for_full_precision(network, trainer):
                reason = f"precision is {options.precision}, but {network.spec.model} does not compute in it here"
                explained = GalaxyError(f"{reason}: {describe(error)}; set precision to 32-true")
            raise explained from None
        except (GalaxyError, OSError):
            processes.end_others(trainer)
            raise
    restore_best(network, scratch)
    if options.freeze_epochs:
        network.freeze(False)
    return history.table()


def _is_for_full_precision(network: Network, trainer: L.Trainer) -> bool:
    """Whether a network computes in full precision what it does not in the trainer's, on the trainer's device."""
    side, channels = network.spec.size, len(network.spec.mean)
    device = trainer.strategy.root_device
    image = torch.zeros((1, side, side, channels), dtype=torch.uint8, device=device)
    network.to(device).eval()
    worked = []
    for precision in (contextlib.nullcontext(), trainer.precision_plugin.forward_context()):
        try:
            with torch.no_grad(), precision:
                network(image)
            worked.append(True)
        except RuntimeError:
            worked.append(False)
    return worked == [True, False]


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
        processes.say(f"{checkpoint} is damaged ({describe(error)}): starting anew")
        return False
    return True


def _event_files(folder: Path) -> TensorBoardLogger:
    try:
        return TensorBoardLogger(folder, name="", version="")
    except ModuleNotFoundError:
        raise GalaxyError("tensorboard is true, but TensorBoard is not installed; pip install tensorboard") from None


def _callbacks(task: Task, options: Training, scratch: Path) -> list[Callback]:
    """Checkpoints of the best epoch and of the last, and what the options ask for besides."""
    monitor = f"valid_{task.monitor}"
    common: dict[str, Any] = {"dirpath": scratch, "save_on_train_epoch_end": True, "enable_version_counter": False}
    callbacks: list[Callback] = []
    if options.early_stopping is not None:
        callbacks.append(EarlyStopping(monitor, patience=options.early_stopping, mode=task.mode))
    if options.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=options.ema_decay))
    if sys.stderr.isatty():
        callbacks.append(Bar())
    # Averaged weights get into whole checkpoints only; one of weights alone would have those of the last step.
    small = options.ema_decay is None
    return [
        *callbacks,
        ModelCheckpoint(filename=Path(BEST).stem, monitor=monitor, mode=task.mode, save_weights_only=small, **common),
        ModelCheckpoint(filename="last", **common),
    ]
