"""What a recipe takes on this machine: `python benchmarks/recipe.py RECIPE PACKED [--only NAME …] [--steps N]`.

PACKED is what the preprocess stage left of the recipe's galaxies, real or simulated (`data/preprocessed`). For each
model: images a second of its training (packed images on disk, augmentation in its workers, transfer, step); of the
same step fed with one batch that is there already; the GPU's memory that this takes; images a second of prediction,
each with all of the recipe's views; and the hours for all of the recipe's epochs and for the test galaxies. The step is
on one device, and epochs are not scored: a training takes somewhat longer. Weights are random: the recipe's may not be
at hand.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from training import announce, now, spec_of, turns

from galaxy.core import params
from galaxy.core.params import Params, Train
from galaxy.data.augmentation import Augment, colour_axis
from galaxy.data.batches import Images, training_loader
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.data.test_time_views import views
from galaxy.models.network import Spec, build_network
from galaxy.models.predict import predict
from galaxy.training import vote_fractions


def measure(recipe: Params, options: Train, packed: Path, steps: int, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    galaxies, test = Galaxies.open(packed, "training"), np.load(packed / "test.npy", mmap_mode="r")
    asked = recipe.split
    rows = galaxies.rows(split(galaxies.ids, asked.test, asked.valid, asked.seed))
    cutout = vote_fractions.network_input(options, galaxies.field_of_view)
    colour = colour_axis(cutout.central(galaxies.images), rows["train"]) if options.augmentation.colour else None
    augment = Augment.of(options.augmentation, cutout, options.seed, colour)
    images = Images(galaxies.images, galaxies.votes, rows["train"], augment)
    loader = training_loader(options, images)
    spec = spec_of(options, cutout.input)
    rates = turns(options, spec, loader, steps, rounds)
    pipeline, alone = (statistics.median(values) for values in rates.values())
    memory = torch.cuda.max_memory_reserved() / 2**30 if torch.cuda.is_available() else float("nan")
    predicted = _predicted_per_second(spec, test, galaxies.field_of_view, recipe)
    return {
        "size": spec.size,
        "pipeline": pipeline,
        "resident": alone,
        "kept %": 100 * pipeline / alone,
        "GPU GiB": memory,
        "predicted": predicted,
        "training h": options.epochs * len(rows["train"]) / pipeline / 3600,
        "test h": len(test) / predicted / 3600,
    }


def _predicted_per_second(spec: Spec, test: np.ndarray, packed: FieldOfView, recipe: Params) -> float:
    """Test galaxies a second, each by all views, over two batches after one that warms up."""
    network, batch = build_network(spec), recipe.make_submission.batch_size
    seen = views(recipe.make_submission.views)
    counts = [min(number * batch, len(test)) for number in (1, 2)]
    for count in counts:
        start = now()
        predict(network, test, batch, np.arange(count), seen, packed)
        rate = count / (now() - start)
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these models; all by default")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    recipe = params.load(arguments.recipe)
    if unknown := set(arguments.only or ()) - set(recipe.models):
        parser.error(f"no model {', '.join(sorted(unknown))}; there are {', '.join(recipe.models)}")
    announce()
    table = {}
    for name in arguments.only or recipe.models:
        options = recipe.models[name]
        table[name] = measure(recipe, options, arguments.packed, arguments.steps, arguments.rounds)
        print(name, options.model, {key: round(value, 3) for key, value in table[name].items()}, flush=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
    found = pd.DataFrame(table).T
    print(found.to_string(float_format="{:.2f}".format))
    print(f"in all {found['training h'].sum() + found['test h'].sum():.2f} hours")


if __name__ == "__main__":
    main()
