"""What loading and augmentation cost a training: `python benchmarks/training.py [--workers N] [--rounds N]`.

Images a second of the whole pipeline (packed images on disk, augmentation, transfer, step), and of the same step fed
with one batch that is there already; in turns, in the same run. What the pipeline keeps is given twice: the ratio of
the medians, and the median of the turns' ratios with their range; where the two disagree, the machine was too unsteady.
Then the rate of the input alone, at their sizes and for a network that is faster than it. Pixels are random: nothing
looks at them.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch.utils.data import DataLoader

from galaxy.core import decision_tree, params
from galaxy.core.params import Train
from galaxy.core.runtime import keep_freed_memory
from galaxy.data.augmentation import Augment, colour_axis
from galaxy.data.batches import Images, training_loader
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.models.network import Spec, build_network
from galaxy.training import objectives, precision
from galaxy.training.engine import Engine

CASES: tuple[dict[str, Any], ...] = (
    {"model": "resnet18", "size": 64, "precision": "bf16-mixed", "channels_last": True},
    {"model": "tf_efficientnet_lite0", "size": 128, "precision": "32-true", "channels_last": True},
)
INPUT: dict[str, Any] = {"model": "resnet50", "size": 224}
GALAXIES = 2048
MARGIN = 1.2
"""Side of the packed images, in sides of what the network sees: corners of turned views show real sky."""

AUGMENTATION = {"flip": True, "rotation": 180.0, "zoom": 1.2, "shift": 0.02, "contrast": 0.1, "colour": 0.1}


class Stopwatch(L.Callback):
    """Seconds from the end of the first steps, which warm up, to the end of the last."""

    WARM_UP = 3

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *rest: Any) -> None:
        if trainer.global_step == self.WARM_UP:
            self.start = now()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.end = now()


def now() -> float:
    """Seconds, once a GPU has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def images_per_second(options: Train, spec: Spec, batches: Iterable[Any], steps: int) -> float:
    """Rate of that many steps on those batches, with the options' clipping and averaging."""
    stopwatch = Stopwatch()
    averaging = [] if options.ema_decay is None else [EMAWeightAveraging(decay=options.ema_decay)]
    network = build_network(spec)
    if options.channels_last:
        network.channels_last()
    trainer = L.Trainer(
        accelerator="auto",
        devices=1,
        precision=precision.resolve(options, network, precision.device())[0],
        max_steps=steps + Stopwatch.WARM_UP,
        gradient_clip_val=options.gradient_clip,
        gradient_clip_algorithm=options.gradient_clip_by,
        callbacks=[stopwatch, *averaging],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Engine(network, objectives.vote_fractions(options.loss), options), batches)
    return options.batch_size * steps / (stopwatch.end - stopwatch.start)


def section(changes: dict[str, Any]) -> Train:
    """The section `train_resnet` of `params.yaml` with these changes and the augmentation of a recipe."""
    content = params.load().models["resnet"].model_dump()
    return Train.model_validate(content | {"augmentation": content["augmentation"] | AUGMENTATION} | changes)


@contextmanager
def loader(options: Train) -> Iterator[Any]:
    """The batches of a training as the engine gets them, from images on disk."""
    assert options.size is not None
    side = round(options.size * MARGIN)
    cutout = Cutout(FieldOfView(options.size, options.size), FieldOfView(side, side))
    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        np.save(path, draw.integers(0, 256, (GALAXIES, side, side, 3), np.uint8))
        images, rows = np.load(path, mmap_mode="r"), np.arange(GALAXIES)
        augment = Augment.of(options.augmentation, cutout, 1, colour_axis(images, rows[:64]))
        votes = draw.random((GALAXIES, len(decision_tree.COLUMNS)), np.float32)
        yield training_loader(options, Images(images, votes, rows, augment))


def spec_of(options: Train, seen: FieldOfView) -> Spec:
    """The network of those options, for speed alone: its pixel statistics are nobody's."""
    return Spec(
        model=options.model,
        model_args=options.model_args,
        head=options.head,
        outputs=decision_tree.COLUMNS,
        crop=seen.crop,
        size=seen.size,
        mean=(25.0,) * 3,
        std=(35.0,) * 3,
    )


def turns(options: Train, spec: Spec, batches: DataLoader, steps: int, rounds: int) -> dict[str, list[float]]:
    """Rates of the pipeline's batches and of the first of them, resident, by turns."""
    rates: dict[str, list[float]] = {"pipeline": [], "resident": []}
    resident = DataLoader([next(iter(batches))] * len(batches), batch_size=None)
    for _ in range(rounds):
        for name, fed in (("pipeline", batches), ("resident", resident)):
            rates[name].append(images_per_second(options, spec, fed, steps))
    return rates


def announce() -> None:
    """Print the device; on a CPU, keep freed memory as in the engine's own trainings."""
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    else:
        print(f"CPU, {torch.get_num_threads()} threads")
        keep_freed_memory()


def compare(options: Train, steps: int, rounds: int) -> None:
    """Print the rate of the pipeline, that of one resident batch, and their ratio for one network."""
    assert options.size is not None
    spec = spec_of(options, FieldOfView(options.size, options.size))
    with loader(options) as batches:
        rates = turns(options, spec, batches, steps, rounds)
    kept = [100 * ours / theirs for ours, theirs in zip(*rates.values(), strict=True)]
    pipeline, resident_rate = (statistics.median(values) for values in rates.values())
    print(
        f"{options.model} at {options.size} px, {options.precision}, {options.workers} workers: {pipeline:.0f} "
        f"images/s, from one resident batch {resident_rate:.0f}: {100 * pipeline / resident_rate:.1f} % "
        f"(turns: median {statistics.median(kept):.1f}, {min(kept):.0f} to {max(kept):.0f} %)",
        flush=True,
    )


def input_alone(options: Train) -> None:
    """Print how many images a second loading and augmentation give."""
    with loader(options) as batches:
        for _ in range(2):  # the first epoch reads the file
            start = time.perf_counter()
            count = sum(len(images) for images, _ in batches)
            rate = count / (time.perf_counter() - start)
    print(f"input alone at {options.size} px, {options.workers} workers: {rate:.0f} images/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    announce()
    for case in CASES:
        compare(section(case | {"workers": arguments.workers}), arguments.steps, arguments.rounds)
    for case in (*CASES, INPUT):
        input_alone(section(case | {"workers": arguments.workers}))


if __name__ == "__main__":
    main()
