"""What loading and augmentation cost a training: `python benchmarks/training.py [--steps N] [--rounds N]`.

Images a second of the whole pipeline (packed images on disk, augmentation, transfer, step), and of the same step fed
with one batch that is there already; in turns, in the same run. The ratio of their medians is what the pipeline keeps.
Pixels are random: neither way looks at them.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import torch

from galaxy import models, params, tasks, tree
from galaxy.augmentation import Augment
from galaxy.datasets import Images, training_loader
from galaxy.models import Spec
from galaxy.params import Train
from galaxy.training import Engine

CASES = (("resnet18", 64), ("tf_efficientnet_lite0", 128))
GALAXIES = 4096
VIEWS = {"flip": True, "rotation": 180.0, "zoom": 1.3, "shift": 0.02, "brightness": 0.1, "contrast": 0.1}


class Stopwatch(L.Callback):
    """Seconds from the end of the first steps, which warm up, to the end of the last."""

    WARM_UP = 3

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        if trainer.global_step == self.WARM_UP:
            self.start = time.perf_counter()
        self.end = time.perf_counter()


def images_per_second(options: Train, spec: Spec, batches: Iterable[Any], steps: int) -> float:
    """Rate of that many steps on those batches."""
    stopwatch = Stopwatch()
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=options.precision,
        max_steps=steps + Stopwatch.WARM_UP,
        callbacks=[stopwatch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Engine(models.build(spec), tasks.vote_fractions(options.loss), options), batches)
    return options.batch_size * steps / (stopwatch.end - stopwatch.start)


def compare(model: str, size: int, precision: str, workers: int, steps: int, rounds: int) -> None:
    """Print both rates and their ratio for one network."""
    section = params.load().models["resnet"].model_dump()
    options = Train.model_validate(
        section | {"model": model, "augmentation": VIEWS, "precision": precision, "workers": workers}
    )
    spec = Spec(
        model=model,
        model_args={},
        head="sigmoid",
        outputs=tree.COLUMNS,
        crop=212,
        size=size,
        mean=(25.0,) * 3,
        std=(35.0,) * 3,
    )
    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        np.save(path, draw.integers(0, 256, (GALAXIES, size, size, 3), np.uint8))
        votes = draw.random((GALAXIES, len(tree.COLUMNS)), np.float32)
        data = Images(np.load(path, mmap_mode="r"), votes, np.arange(GALAXIES), Augment.of(options.augmentation, 1))
        loader = training_loader(data, options.batch_size, 1, workers)
        resident = next(iter(loader))
        rates: dict[str, list[float]] = {"pipeline": [], "resident": []}
        for _ in range(rounds):
            rates["pipeline"].append(images_per_second(options, spec, loader, steps))
            batches = list(itertools.repeat(resident, len(loader)))
            rates["resident"].append(images_per_second(options, spec, batches, steps))
    pipeline, resident_rate = (statistics.median(values) for values in rates.values())
    print(
        f"{model} at {size} px, {precision}, {workers} workers: {pipeline:.0f} images/s, from one resident batch "
        f"{resident_rate:.0f}: {100 * pipeline / resident_rate:.1f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--precision", default="bf16-mixed")
    arguments = parser.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(device)
    for model, size in CASES:
        compare(model, size, arguments.precision, arguments.workers, arguments.steps, arguments.rounds)


if __name__ == "__main__":
    main()
