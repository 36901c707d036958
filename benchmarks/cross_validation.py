"""How good a recipe is on real galaxies: `python benchmarks/cross_validation.py RECIPE REAL [--folds K] [--only N …]`.

RECIPE is a params file, REAL a folder with the competition's zips. The labelled galaxies are dealt into K folds; each
in turn is the test, the recipe's share of the others chooses the epoch and the ensemble's weights, the rest trains.
RMSE of each model, and of both ensembles, from the recipe's views and from one; and, `reweighted`, that from the views
with galaxies weighted as `benchmarks/reference.py` does it, so that their column means are the competition's: what to
expect of a submission where REAL is a part of it. Trainings are kept under `--work`.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd
from reference import tilt
from sklearn.model_selection import KFold

from galaxy.core import decision_tree, params
from galaxy.core.params import Params
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.data.test_time_views import ONE, views
from galaxy.evaluation import ensemble, real_galaxies
from galaxy.models import saved


def tables(ids: np.ndarray, folds: int, valid: float) -> list[pd.DataFrame]:
    """A split for each fold: it is the test, a share of the others valid."""
    dealt = KFold(folds, shuffle=True, random_state=1).split(ids)
    made = []
    for fold, (rest, test) in enumerate(dealt):
        table = pd.DataFrame({"GalaxyID": ids, "Set": "test"})
        table.loc[rest, "Set"] = split(ids[rest], test=0, valid=valid, seed=fold)["Set"].to_numpy()
        assert (table.loc[test, "Set"] == "test").all()
        made.append(table)
    return made


def reweighted(fractions: np.ndarray, voted: np.ndarray, weights: np.ndarray) -> float:
    """RMSE of N×37 fractions with N weights."""
    return float(np.sqrt(np.average(np.square(fractions - voted).mean(axis=1), weights=weights)))


def run(
    options: Params, galaxies: Galaxies, importance: np.ndarray, table: pd.DataFrame, folder: Path
) -> list[dict[str, Any]]:
    """Train the recipe's models on a split, or take those that are there; scores of each and of both ensembles.

    Each is trained in a process of its own, which may start others (`devices`).
    """
    rows = galaxies.rows(table)
    seconds, networks = {}, {}
    for name in options.models:
        start = time.perf_counter()
        subprocess.run([sys.executable, *sys.argv, "--train", folder.name, name], check=True)  # noqa: S603
        networks[name] = saved.load(folder / name)[0]
        note = folder / name / "seconds.json"
        if not note.exists():
            note.write_text(json.dumps(time.perf_counter() - start))
        seconds[name] = json.loads(note.read_text())
    found: dict[str, dict[str, float]] = {}
    for label, seen in (("one view", ONE), ("views", views(options.evaluate.views))):
        fractions = {
            set_: {n: common.predicted(network, galaxies, rows[set_], seen) for n, network in networks.items()}
            for set_ in ("valid", "test")
        }
        weights = ensemble.fit_weights(fractions["valid"], galaxies.votes[rows["valid"]])
        for name, predicted in ensemble.combine(fractions["test"], weights).items():
            voted, scores = galaxies.votes[rows["test"]], found.setdefault(name, {})
            scores[label] = common.score(predicted, voted)[0]
            if label == "views":
                scores["reweighted"] = reweighted(predicted, voted, importance[rows["test"]])
    minutes = {name: taken / 60 for name, taken in seconds.items()}
    return [{"fold": folder.name, "model": n, **scores, "minutes": minutes.get(n)} for n, scores in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="only these, counted from 0")
    parser.add_argument("--work", type=Path, default=Path("data/cross_validation"))
    parser.add_argument("--train", nargs=2, metavar=("FOLDER", "MODEL"), help="what the processes run")
    arguments = parser.parse_args()
    options = params.load(arguments.recipe)
    work = arguments.work / arguments.recipe.resolve().parent.name
    asked = FieldOfView(options.preprocess.crop, options.preprocess.size)
    galaxies = common.packed(arguments.real, work / "packed", asked)
    folds = tables(galaxies.ids, arguments.folds, options.split.valid)
    if arguments.only and not set(arguments.only) <= set(range(arguments.folds)):
        parser.error(f"--only: the folds are 0 to {arguments.folds - 1}")
    chosen = {f"fold_{fold}": folds[fold] for fold in arguments.only or range(arguments.folds)}
    if arguments.train:
        folder, name = arguments.train
        section = options.models[name]
        common.train(work / folder / name, section, galaxies, chosen[folder], "local")
        return
    importance = tilt(
        galaxies.votes, np.array([real_galaxies.REAL[f"mean_{column}"] for column in decision_tree.COLUMNS])
    )
    rows: list[dict[str, Any]] = []
    for fold, table in chosen.items():
        rows += run(options, galaxies, importance, table, work / fold)
        print(pd.DataFrame(rows).to_string(index=False), flush=True)
    scores = pd.DataFrame(rows).drop(columns="fold").groupby("model", sort=False)
    print(pd.concat({"mean": scores.mean(), "standard deviation": scores.std()}, axis=1).to_string())


if __name__ == "__main__":
    main()
