"""The numbers of `galaxy/evaluation/real_galaxies.py`, from real files: `python benchmarks/reference.py REAL`.

REAL is a folder with the competition's zips, or with a part of their galaxies. A part has other means than the whole:
galaxies are then weighted until the 37 column means are the whole's (the weights of least divergence from equal ones,
an exponential tilt). Two figures that it was not given show whether that corrects the selection: the RMSE of all zeros
and of the column means, published as 0.2716 and 0.1639.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from galaxy.core import competition, decision_tree
from galaxy.evaluation import real_galaxies, realism
from galaxy.ingest import archives

SMOOTHING = 1e-3
"""Keeps the weights near 1 where a column's mean would cost much."""


def tilt(votes: np.ndarray, means: np.ndarray) -> np.ndarray:
    """N weights under which the N×37 votes have those means."""
    centred = votes - means

    def objective(direction: np.ndarray) -> tuple[float, np.ndarray]:
        exponents = centred @ direction
        top = exponents.max()
        powers = np.exp(exponents - top)
        value = top + np.log(powers.mean()) + SMOOTHING * (direction @ direction) / 2
        return value, powers @ centred / powers.sum() + SMOOTHING * direction

    found = minimize(objective, np.zeros(votes.shape[1]), jac=True, method="L-BFGS-B").x
    exponents = centred @ found
    return np.exp(exponents - exponents.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    folder = parser.parse_args().real
    solutions = archives.read_solutions(competition.zip_path(folder, competition.SOLUTIONS))
    votes, ids = solutions[list(decision_tree.COLUMNS)].to_numpy(), solutions["GalaxyID"].to_numpy()
    pictures = realism.measure_pictures(competition.zip_path(folder, competition.TRAINING_IMAGES), ids)
    weights = tilt(votes, np.array([real_galaxies.REAL[f"mean_{column}"] for column in decision_tree.COLUMNS]))
    rows = np.arange(len(ids))
    as_is = realism.measure(votes, pictures, rows, np.ones(len(ids)))
    weighted = realism.measure(votes, pictures, rows, weights)
    effective = weights.sum() ** 2 / np.square(weights).sum()
    print(f"{len(ids):,} galaxies, worth {effective:,.0f} after weighting")
    print(f"{'quantity':24} {'as is':>10} {'weighted':>10} {'reference':>10}")
    for name in as_is:
        print(f"{name:24} {as_is[name]:10.4f} {weighted[name]:10.4f} {real_galaxies.REAL[name]:10.4f}")


if __name__ == "__main__":
    main()
