"""What simulated galaxies are worth for real ones: `python benchmarks/transfer.py REAL`.

REAL is a folder with the competition's zips. Two questions, answered in RMSE on real galaxies that no network saw:

1. A ResNet-18 trained on simulated galaxies alone, scored on all labelled real ones; no real label is used, so the
   epoch is chosen on simulated galaxies too.
2. The same network trained on 500 real galaxies (a sixth of them choose the epoch), from random weights and from those
   of 1, scored on all other real ones; a seed draws the 500 anew.

Everything is kept under `--work`, and steps that are done there are not done again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd

from galaxy.core import competition, metrics, params
from galaxy.core.params import Simulated
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.data.test_time_views import ONE, View, of_number
from galaxy.models.network import Network
from galaxy.simulator import simulate

PACKED = FieldOfView(212, 64)
REAL_GALAXIES = 500

EIGHT = of_number(8)
"""The ways to lay a square: test-time views."""

AUGMENTATION = {"flip": True, "rotation": 180.0, "zoom": 1.15, "shift": 0.03, "brightness": 0.08, "contrast": 0.2}
COMMON: dict[str, Any] = {
    "model": "resnet18",
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "one_cycle",
    "precision": "bf16-mixed",
    "augmentation": AUGMENTATION,
}
SIMULATED = COMMON | {"learning_rate": 0.002, "epochs": 6}
SCRATCH = COMMON | {"learning_rate": 0.002, "epochs": 40, "batch_size": 32}
PRETRAINED = COMMON | {"learning_rate": 0.001, "epochs": 30, "batch_size": 32}


def score(
    network: Network, galaxies: Galaxies, rows: np.ndarray | None = None, views: Sequence[View] = ONE
) -> tuple[float, float]:
    """RMSE, and accuracy of question 1, on those rows (all by default)."""
    rows = np.arange(len(galaxies.ids)) if rows is None else rows
    return common.score(common.predicted(network, galaxies, rows, views), galaxies.votes[rows])


def few(ids: np.ndarray, seed: int) -> pd.DataFrame:
    """A split with 500 galaxies to train on and to choose the epoch by, and all others for the test."""
    share = REAL_GALAXIES / len(ids)
    return split(ids, test=1 - share, valid=share / 6, seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--galaxies", type=int, default=20_000, help="simulated ones")
    parser.add_argument("--simulated-seeds", type=int, default=1, help="trainings on simulated galaxies")
    parser.add_argument("--seeds", type=int, default=3, help="pairs of trainings on 500 real galaxies")
    parser.add_argument("--work", type=Path, default=Path("data/transfer"))
    arguments = parser.parse_args()
    work = arguments.work
    raw = work / "simulated"
    if not competition.zip_path(raw, competition.TEST_IMAGES).exists():  # the last that is written
        asked = params.load().download.simulated.model_dump() | {"training_galaxies": arguments.galaxies}
        simulate(raw, Simulated.model_validate(asked | {"test_galaxies": 1}))
    simulated = common.packed(raw, work / "packed_simulated", PACKED)
    real = common.packed(arguments.real, work / "packed_real", PACKED)

    means = np.broadcast_to(real.votes.mean(axis=0), real.votes.shape)
    print(f"{len(real.ids):,} real galaxies, their own column means: RMSE {metrics.rmse(means, real.votes):.4f}")
    for seed in range(1, arguments.simulated_seeds + 1):
        folder = work / f"simulated_only_{seed}"
        options = common.section(SIMULATED | {"seed": seed})
        table = split(simulated.ids, 0.02, 0.05, seed)
        network = common.trained(folder, options, simulated, table, "simulated")
        for seen in (ONE, EIGHT):
            rmse, accuracy = score(network, real, views=seen)
            print(
                f"simulated alone, seed {seed}, views {len(seen)}: RMSE {rmse:.4f}, accuracy of question 1 "
                f"{accuracy:.4f}",
                flush=True,
            )

    results = {name: np.array([]) for name in ("scratch", "pretrained")}
    for seed in range(1, arguments.seeds + 1):
        table = few(real.ids, seed)
        test = real.rows(table)["test"]
        for name, changes in (
            ("scratch", SCRATCH),
            ("pretrained", PRETRAINED | {"weights": str(work / "simulated_only_1")}),
        ):
            options = common.section(changes | {"seed": seed})
            network = common.trained(work / f"{name}_{seed}", options, real, table, "local")
            results[name] = np.append(results[name], score(network, real, test)[0])
        gain = 100 * (1 - results["pretrained"][-1] / results["scratch"][-1])
        print(
            f"{REAL_GALAXIES} real galaxies, seed {seed}: from random weights {results['scratch'][-1]:.4f}, "
            f"from simulated galaxies {results['pretrained'][-1]:.4f} ({gain:.1f} % lower)"
        )
    if arguments.seeds:
        scratch, pretrained = (values.mean() for values in results.values())
        print(
            f"mean of {arguments.seeds}: {scratch:.4f} and {pretrained:.4f} ({100 * (1 - pretrained / scratch):.1f} %)"
        )


if __name__ == "__main__":
    main()
