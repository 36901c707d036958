"""How good a recipe is on real galaxies: `python benchmarks/cross_validation.py RECIPE REAL [--folds K] [--first N]`.

RECIPE is a params file, REAL a folder with the competition's zips. The labelled galaxies are dealt into K folds; each
in turn is the test, the recipe's share of the others chooses the epoch and the ensemble's weights, the rest trains.
RMSE of each model, and of both ensembles, from the recipe's views and from one. Trainings are kept under `--work`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from galaxy import ensemble, params
from galaxy.packed import Packed
from galaxy.params import Params
from galaxy.split import split
from galaxy.views import ONE, views


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


def run(options: Params, galaxies: Packed, table: pd.DataFrame, folder: Path) -> list[dict[str, Any]]:
    """Train the recipe's models on a split, or take those that are there; scores of each and of both ensembles."""
    asked = options.preprocess
    rows = galaxies.rows(table)
    seconds, networks = {}, {}
    for name, section in options.models.items():
        start = time.perf_counter()
        networks[name] = common.trained(folder / name, section, asked, galaxies, table, "local")
        note = folder / name / "seconds.json"
        if not note.exists():
            note.write_text(json.dumps(time.perf_counter() - start))
        seconds[name] = json.loads(note.read_text())
    found: dict[str, dict[str, float]] = {}
    for label, seen in (("one view", ONE), ("views", views(options.evaluate.views))):
        fractions = {
            set_: {n: common.predicted(network, galaxies, asked, rows[set_], seen) for n, network in networks.items()}
            for set_ in ("valid", "test")
        }
        weights = ensemble.fit_weights(fractions["valid"], galaxies.votes[rows["valid"]])
        for name, predicted in ensemble.combine(fractions["test"], weights).items():
            found.setdefault(name, {})[label] = common.score(predicted, galaxies.votes[rows["test"]])[0]
    minutes = {name: taken / 60 for name, taken in seconds.items()}
    return [{"fold": folder.name, "model": n, **scores, "minutes": minutes.get(n)} for n, scores in found.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--first", type=int, help="only the first N folds")
    parser.add_argument("--work", type=Path, default=Path("data/cross_validation"))
    arguments = parser.parse_args()
    options = params.load(arguments.recipe)
    work = arguments.work / arguments.recipe.stem
    galaxies = common.packed(arguments.real, work / "packed", options.preprocess)
    rows: list[dict[str, Any]] = []
    for fold, table in enumerate(tables(galaxies.ids, arguments.folds, options.split.valid)[: arguments.first]):
        rows += run(options, galaxies, table, work / f"fold_{fold}")
        print(pd.DataFrame(rows).to_string(index=False), flush=True)
    scores = pd.DataFrame(rows).drop(columns="fold").groupby("model", sort=False)
    print(pd.concat({"mean": scores.mean(), "standard deviation": scores.std()}, axis=1).to_string())


if __name__ == "__main__":
    main()
