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

from galaxy.core import files
from galaxy.core import runtime
from galaxy.training import distributed
from galaxy.data.batches import Images
from galaxy.data.batches import ordered_loader
from galaxy.data.batches import training_loader
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.data.field_of_view import Cutout
from galaxy.training.history import EVALUATED
from galaxy.training.history import Bar
from galaxy.training.history import History
from galaxy.models.network import Network
from galaxy.core.params import Training
from galaxy.training.objectives import Task
from galaxy.data.test_time_views import View

# Its notes on hardware and its tips; warnings stay.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def fit(
    network: Network,
    task: Task,
    options: Training,
    train: Images,
    valid: Images,
    scratch: Path,
    events: Path = Path("runs"),
    frame: Cutout | None = None,
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
        The history: one row an epoch, see `galaxy.training.history`.

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
        **distributed.where(options),
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
        runtime.keep_freed()
    with warnings.catch_warnings():
        # The batches come ready made, a worker would only be in the way; and few steps an epoch are no mistake.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        warnings.filterwarnings("ignore", ".*LeafSpec.*")  # Lightning's own use of torch
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # the folder that is resumed from
        try:
            if _is_whole(last):
                runtime.say(f"going on from {last}")
                trainer.fit(engine, loader, scored, ckpt_path=last, weights_only=True)
            else:
                trainer.validate(engine, scored, verbose=False)
                trainer.fit(engine, loader, scored)
        except DivergedError:
            raise  # by all processes at once
        except SIGTERMException:
            distributed.end_others(trainer)
            sys.exit(128 + signal.SIGTERM)  # Lightning would exit with 0, as if all were well
        except RuntimeError as error:
            explained = distributed.explained(error, trainer, options)
            if explained is error and _is_for_full_precision(network, trainer):
                reason = f"precision is {options.precision}, but {network.spec.model} does not compute in it here"
                explained = GalaxyError(f"{reason}: {describe(error)}; set precision to 32-true")
            raise explained from None
        except (GalaxyError, OSError):
            distributed.end_others(trainer)
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
