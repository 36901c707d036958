"""Scores on the test galaxies, which no model and no choice has seen: models, their mean, and the baselines."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.evaluation import ensemble
from galaxy.evaluation import figures
from galaxy.core import files
from galaxy.core import metrics
from galaxy.core import decision_tree
from galaxy.evaluation.baselines import BASELINES
from galaxy.data.galaxies import Galaxies
from galaxy.core.params import MEAN
from galaxy.core.params import WEIGHTED

REFERENCE = "central_pixel"
FLOOR = "vote_noise_floor"
PERFECT = "perfect_model"
"""The exact floor, of simulated galaxies alone: the labels against their own expected values (`galaxy.data.simulated_truth`)."""


@dataclass(frozen=True)
class Scored:
    """Predictions by name (models, their mean, baselines) for galaxies whose votes are known; arrays are N×37."""

    ids: np.ndarray
    voted: np.ndarray
    predictions: dict[str, np.ndarray]

    def with_ensembles(self, weights: dict[str, float]) -> "Scored":
        """The same with the models' mean, and their sum with those weights, beside them."""
        return replace(self, predictions=ensemble.combine(self.predictions, weights))

    def rmse(self) -> dict[str, float]:
        return {name: metrics.rmse(predicted, self.voted) for name, predicted in self.predictions.items()}


def add_baselines(scored: Scored, galaxies: Galaxies, train: np.ndarray, rows: np.ndarray) -> Scored:
    """The same with the baselines beside the models, fitted on the rows of train."""
    colours, votes = galaxies.colours, galaxies.votes
    baselines = {
        name: kind().fit(colours[train], votes[train]).predict(colours[rows]) for name, kind in BASELINES.items()
    }
    return replace(scored, predictions=scored.predictions | baselines)


def report(
    test: Scored,
    scored_on: str,
    valid: Scored,
    names: list[str],
    source: dict[str, Any],
    *,
    single_view: Scored | None,
    expected: np.ndarray | None,
    weights: dict[str, float],
) -> dict[str, Any]:
    """What `metrics/evaluate.json` holds.

    `best` is the model of lowest RMSE on valid: the choice that make_submission may take, made without the test set.

    Args:
        scored_on: `test`, or `valid` where there is no test split.
        single_view: predictions for the test galaxies from one view, where `test` has the mean of several.
        expected: N×37 expected values of the test galaxies' votes, where they are known.
        weights: of the weighted ensemble, fitted on valid.
    """
    rmse = test.rmse()
    floors = {FLOOR: metrics.vote_noise_floor(test.voted)}
    if expected is not None:
        floors[PERFECT] = metrics.rmse(expected, test.voted)
    valid_rmse = valid.rmse()
    modelled = [*names, MEAN, WEIGHTED]
    first = decision_tree.question(1)
    return {
        "source": source["source"],
        "scored_on": scored_on,
        "galaxies": len(test.ids),
        "best": min(names, key=lambda name: valid_rmse[name]),
        "rmse": rmse | floors,
        "improvement_over_central_pixel_percent": {name: 100 * (1 - rmse[name] / rmse[REFERENCE]) for name in modelled},
        "accuracy_question_1": {
            name: metrics.accuracy(first, test.predictions[name], test.voted) for name in test.predictions
        },
        "valid_rmse": {name: valid_rmse[name] for name in (*names, MEAN)},
        "ensemble_weights": weights,
        **({} if single_view is None else {"rmse_single_view": single_view.rmse()}),
    }


def question_table(test: Scored) -> pd.DataFrame:
    """RMSE and accuracy by question of every prediction, models and baselines, one under the other."""
    tables = [metrics.by_question(p, test.voted).assign(model=name) for name, p in test.predictions.items()]
    return pd.concat(tables, ignore_index=True)[["model", "question", "name", "rmse", "accuracy", "galaxies"]]


def column_table(test: Scored) -> pd.DataFrame:
    """RMSE by column, a row a column and a column a prediction."""
    tables = {name: metrics.by_column(p, test.voted) for name, p in test.predictions.items()}
    labels = next(iter(tables.values()))[["column", "description"]]
    return labels.assign(**{name: table["rmse"] for name, table in tables.items()})


def terminal_table(content: dict[str, Any]) -> str:
    """The report as text for a terminal."""
    table = pd.DataFrame(
        {
            "RMSE": content["rmse"],
            **({"single view": content["rmse_single_view"]} if "rmse_single_view" in content else {}),
            "valid RMSE": content["valid_rmse"],
            "over central pixel": content["improvement_over_central_pixel_percent"],
            "accuracy question 1": content["accuracy_question_1"],
        },
        index=list(content["rmse"]),
    )
    formats = {"over central pixel": "{:+.1f} %".format, "accuracy question 1": "{:.3f}".format}
    body = table.to_string(formatters=formats, float_format="{:.5f}".format, na_rep="")
    return f"{_label(content)}; best on valid: {content['best']}\n{body}"


def _label(content: dict[str, Any]) -> str:
    """Which galaxies were scored, for titles; those of valid chose the epochs and the weights."""
    chose = "" if content["scored_on"] == "test" else ", which chose the epochs and the weights"
    return f"{content['galaxies']:,} {content['scored_on']} galaxies ({content['source']}{chose})"


def write_figures(folder: Path, test: Scored, content: dict[str, Any], histories: dict[str, pd.DataFrame]) -> None:
    """Write `history.png`, `rmse_by_question.png` and `predicted_against_voted.png` into `folder`."""
    label = _label(content)
    best = content["best"]
    lines = {name.replace("_", " "): content["rmse"][name] for name in BASELINES}
    figures.write_all(
        folder,
        {
            "history": lambda: figures.history(histories, lines, f"RMSE by epoch ({content['source']})"),
            "rmse_by_question": lambda: figures.rmse_by_question(question_table(test), f"RMSE by question, {label}"),
            "predicted_against_voted": lambda: figures.predicted_against_voted(
                test.predictions[best], test.voted, f"{best}: predicted against voted, {label}"
            ),
        },
    )


def write_predictions(folder: Path, test: Scored, names: list[str]) -> None:
    """Write `<name>.csv`, GalaxyID and 37 columns, for each model and both ensembles."""
    for name in [*names, MEAN, WEIGHTED]:
        table = pd.DataFrame(test.predictions[name], columns=list(decision_tree.COLUMNS))
        table.insert(0, "GalaxyID", test.ids)
        files.write_csv(folder / f"{name}.csv", table, float_format="%.6f")
