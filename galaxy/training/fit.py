"""Training a network in place with Lightning's Trainer."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from timm.optim import list_optimizers
from torch.utils.data import DataLoader

from galaxy.core import runtime, stage
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training
from galaxy.data.batches import Images, TrainingData, ordered_loader, training_loader
from galaxy.models.network import Network
from galaxy.training import distributed, precision, resume
from galaxy.training.engine import Engine
from galaxy.training.failures import explain_failures
from galaxy.training.history import Duration, History
from galaxy.training.loggers import run_log
from galaxy.training.objectives import Objective

# Silence Lightning's notes on hardware and its tips, but not its warnings.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def fit(
    network: Network,
    objective: Objective,
    options: Training,
    data: TrainingData,
    scratch: Path,
    events: Path = Path("runs"),
) -> tuple[pd.DataFrame, Duration]:
    """Train a network in place and leave it with the weights of its best epoch, by the objective's metric on valid.

    Each epoch is scored, without augmentation, on valid and on as many of the training images, so that the two curves
    can be compared.

    Args:
        scratch: a folder for this training's checkpoints. If an earlier call left one, training resumes from it and
            ends with the same bytes as without the interruption. The caller removes the folder.
        events: a folder for the files of a logger, if the options name one; see `galaxy.training.loggers`.

    Returns:
        The history, one row per epoch, and how long the epochs took; see `galaxy.training.history`.

    Raises:
        GalaxyError: the optimizer is unknown, there are fewer images than one batch holds, or the network does not
            compute in the precision; or see `galaxy.training.loggers.run_log`.
        DivergedError: a loss or metric became NaN or infinite; the best epoch before it, if any, is in `scratch`.
    """
    if options.optimizer not in list_optimizers():
        raise GalaxyError(f"unknown optimizer {options.optimizer!r}; timm has {', '.join(map(str, list_optimizers()))}")
    # `galaxy.training.run` has said already what it comes to.
    options = options.model_copy(update={"precision": precision.resolve(options, network, precision.device())[0]})
    loader, scored = _loaders(options, data)
    if not torch.cuda.is_available():
        runtime.keep_freed_memory()
    checkpoint, step = resume.last_checkpoint(scratch) or (None, None)
    with _without_noise(), run_log(options, events, scratch, step) as log:
        engine = Engine(network, objective, options, data.cutout, log)
        history = History(options, objective, log)
        trainer = _trainer(options, [history, *_callbacks(objective, options, scratch)])
        with explain_failures(trainer, network, options):
            if checkpoint is not None:
                runtime.say(f"resuming from {checkpoint}")
                trainer.fit(engine, loader, scored, ckpt_path=checkpoint, weights_only=True)
            else:
                trainer.validate(engine, scored, verbose=False)
                trainer.fit(engine, loader, scored)
            stage.check()  # before the checkpoints are removed
    resume.restore_best(network, scratch)
    if options.freeze_epochs:
        network.freeze(False)
    return history.table(), history.duration


def _loaders(options: Training, data: TrainingData) -> tuple[DataLoader, list[DataLoader]]:
    """Make the batches to train on, and those to score each epoch on: valid, and a sample of train."""
    train, valid = data.train, data.valid
    sampled = np.sort(np.random.default_rng(options.seed).permutation(train.rows)[: len(valid)])
    sample = Images(valid.images, train.targets, sampled)
    scored = [ordered_loader(images, 2 * options.part_size) for images in (valid, sample)]
    return training_loader(options, train, data.taught), scored


def _trainer(options: Training, callbacks: list[Callback]) -> L.Trainer:
    """Build Lightning's Trainer from the options."""
    return L.Trainer(
        **distributed.trainer_arguments(options),
        deterministic=options.deterministic,
        max_epochs=options.epochs,
        accumulate_grad_batches=options.gradient_accumulation,
        gradient_clip_val=options.gradient_clip,
        gradient_clip_algorithm=options.gradient_clip_by,
        callbacks=callbacks,
        plugins=[resume.WholeCheckpoints()],
        logger=False,  # the history and the engine log; Lightning would close the log after epoch 0
        enable_progress_bar=False,  # the history has one
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        inference_mode=False,  # training reuses the metrics that epoch 0 fills
    )


def _callbacks(objective: Objective, options: Training, scratch: Path) -> list[Callback]:
    """Make the callbacks that save the best and the last epoch, and those that the options ask for."""
    monitor = f"valid_{objective.monitor}"
    common: dict[str, Any] = {"dirpath": scratch, "save_on_train_epoch_end": True, "enable_version_counter": False}
    callbacks: list[Callback] = []
    if options.early_stopping is not None:
        callbacks.append(EarlyStopping(monitor, patience=options.early_stopping, mode=objective.mode))
    if options.ema_decay is not None:
        callbacks.append(EMAWeightAveraging(decay=options.ema_decay))
    # Averaged weights are saved in whole checkpoints only; one of weights alone would hold those of the last step.
    small = options.ema_decay is None
    best: dict[str, Any] = {"filename": resume.BEST.removesuffix(".ckpt"), "monitor": monitor, "mode": objective.mode}
    last: dict[str, Any] = {"filename": resume.LAST.removesuffix(".ckpt")}
    savers = [ModelCheckpoint(**best, save_weights_only=small, **common), ModelCheckpoint(**last, **common)]
    return [*callbacks, *savers]


@contextmanager
def _without_noise() -> Iterator[None]:
    """Ignore warnings that do not apply: our batches come ready made, without the loader's workers; Lightning uses
    torch's LeafSpec itself; and to resume, the folder must not be empty."""
    with warnings.catch_warnings():
        for message in (".*does not have many workers.*", ".*LeafSpec.*", ".*exists and is not empty.*"):
            warnings.filterwarnings("ignore", message)
        yield
