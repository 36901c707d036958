"""The learning rate by step."""

import math

import torch
from torch.optim import lr_scheduler

from galaxy.core.params import Training

STEPS = (0.6, 0.85)
"""Shares of the training after which the schedule `steps` divides the learning rate by ten."""


def schedule(optimizer: torch.optim.Optimizer, options: Training, steps: int) -> lr_scheduler.LRScheduler:
    """Return the schedule: constant, cosine (to zero) or steps after a linear warm-up, or one cycle."""
    if options.schedule == "one_cycle":
        # At least two steps: torch's schedule divides by the length of its phases.
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
