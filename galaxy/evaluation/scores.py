"""Scores of models, ensembles and baselines on the test galaxies, which no training and no choice used."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree, files, metrics
from galaxy.core.params import MEAN
from galaxy.data import galaxies as packed
from galaxy.data.galaxies import Galaxies
from galaxy.evaluation import ensemble, figures
from galaxy.evaluation.baselines import BASELINES

REFERENCE = "central_pixel"
FLOOR = "vote_noise_floor"
"""An estimate of a perfect model's RMSE: with some 44 volunteers per galaxy, the votes are noisy."""
PERFECT = "perfect_model"
"""The exact value, for simulated galaxies only: the RMSE of the votes against their expected values."""
HELD_OUT = "held-out"
"""What galaxies are scored on in folds: each one by models that were trained without its fold."""

GREYS = (*BASELINES, FLOOR)
"""What figures draw in grey: it is there to compare with."""


@dataclass(frozen=True)
class Predictions:
    """Predictions for N galaxies with known votes: `voted` N×37, and N×37 by name of model, ensemble or baseline.

    `totals` has the logarithms of each question's total (N×11), of the models with the head dirichlet.
    """

    ids: np.ndarray
    voted: np.ndarray
    by_name: dict[str, np.ndarray]
    totals: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, ids: np.ndarray, voted: np.ndarray, predicted: dict[str, np.ndarray]) -> "Predictions":
        """Make them of what models predict with totals: N×37, or N×48 with the head dirichlet."""
        columns = voted.shape[1]
        totals = {name: p[:, columns:] for name, p in predicted.items() if p.shape[1] > columns}
        return cls(ids, voted, {name: p[:, :columns] for name, p in predicted.items()}, totals)

    def with_ensembles(self, weights: dict[str, float]) -> "Predictions":
        """Add the models' mean, and their sum with these weights."""
        return replace(self, by_name=ensemble.combine(self.by_name, weights))

    def with_fitted_ensembles(self, by_question: bool = False) -> "Predictions":
        """Add the models' mean, and their sums with weights for each galaxy that were fitted on others."""
        return replace(self, by_name=ensemble.combine_fitted(self.by_name, self.voted, by_question))

    def rmse(self) -> dict[str, float]:
        """Return the RMSE by name."""
        return {name: metrics.rmse(predicted, self.voted) for name, predicted in self.by_name.items()}


def add_baselines(models: Predictions, galaxies: Galaxies, train: np.ndarray, rows: np.ndarray) -> Predictions:
    """Add the baselines, fitted on the galaxies of `train` and predicting those of `rows`."""
    colours, votes = galaxies.colours, galaxies.votes
    fitted = {name: baseline().fit(colours[train], votes[train]) for name, baseline in BASELINES.items()}
    predicted = {name: baseline.predict(colours[rows]) for name, baseline in fitted.items()}
    return replace(models, by_name=models.by_name | predicted)


def summarise(
    test: Predictions,
    scored_on: str,
    valid_rmse: dict[str, float],
    names: list[str],
    source: dict[str, Any],
    *,
    single_view: Predictions | None,
    expected: np.ndarray | None,
    weights: dict[str, float],
) -> dict[str, Any]:
    """Return the content of `metrics/evaluate.json`; `best` is the model with the lowest RMSE on valid.

    Args:
        scored_on: `test`, `valid` if there is no test split, or `HELD_OUT`.
        valid_rmse: RMSE on valid of the models, the baselines and, unless there are folds, the models' mean.
        single_view: predictions from one view, if `test` has the mean over several (turned, mirrored, zoomed).
        expected: N×37 expected values of the test galaxies' votes, if they are known.
        weights: of the weighted ensemble that the submission may be: fitted on valid, or on all held-out galaxies.
    """
    rmse = test.rmse()
    floors = {FLOOR: metrics.vote_noise_floor(test.voted)}
    if expected is not None:
        floors[PERFECT] = metrics.rmse(expected, test.voted)
    gains = {name: 100 * (1 - value / rmse[REFERENCE]) for name, value in rmse.items() if name not in BASELINES}
    first = decision_tree.question(1)
    single = {} if single_view is None else {"rmse_single_view": single_view.rmse()}
    return {
        "source": source["source"],
        "scored_on": scored_on,
        "galaxies": len(test.ids),
        "best": min(names, key=lambda name: valid_rmse[name]),
        "rmse": rmse | floors,
        "improvement_over_central_pixel_percent": gains,
        "accuracy_question_1": {name: metrics.accuracy(first, p, test.voted) for name, p in test.by_name.items()},
        "valid_rmse": {name: valid_rmse[name] for name in (*names, MEAN, *BASELINES) if name in valid_rmse},
        "ensemble_weights": weights,
        **single,
    }


def question_table(test: Predictions) -> pd.DataFrame:
    """Return RMSE and accuracy by question, one row per prediction and question, and the noise floor's RMSE."""
    tables = [metrics.by_question(p, test.voted).assign(model=name) for name, p in test.by_name.items()]
    parts = [decision_tree.column_slice(question) for question in decision_tree.QUESTIONS]
    floor = [metrics.vote_noise_floor(test.voted[:, part]) for part in parts]
    tables.append(tables[0].assign(model=FLOOR, rmse=floor, accuracy=np.nan))
    return pd.concat(tables, ignore_index=True)[["model", "question", "name", "rmse", "accuracy", "galaxies"]]


def column_table(test: Predictions) -> pd.DataFrame:
    """Return RMSE by column of the decision tree, one row per column with one value per prediction."""
    tables = {name: metrics.by_column(p, test.voted) for name, p in test.by_name.items()}
    labels = next(iter(tables.values()))[["column", "description"]]
    return labels.assign(**{name: table["rmse"] for name, table in tables.items()})


def terminal_table(content: dict[str, Any]) -> str:
    """Return what `summarise` returned as text for a terminal."""
    keys = {
        "RMSE": "rmse",
        "std error": "rmse_standard_error",
        "single view": "rmse_single_view",
        "valid RMSE": "valid_rmse",
        "over central pixel": "improvement_over_central_pixel_percent",
        "accuracy question 1": "accuracy_question_1",
    }
    if content["scored_on"] == HELD_OUT:
        del keys["valid RMSE"]  # for a table of at most 80 columns
    columns = {title: content[key] for title, key in keys.items() if key in content}
    table = pd.DataFrame(columns, index=list(content["rmse"]))
    formats = {"over central pixel": "{:+.1f} %".format, "accuracy question 1": "{:.3f}".format}
    body = table.to_string(formatters=formats, float_format="{:.5f}".format, na_rep="")
    return f"{_label(content)}; best on valid: {content['best']}\n{body}"


def _label(content: dict[str, Any]) -> str:
    """Return words for titles on which galaxies were scored."""
    notes = {"test": "", "valid": ", which chose the epochs", HELD_OUT: f", {content.get('folds')} folds"}
    return f"{content['galaxies']:,} {content['scored_on']} galaxies ({content['source']}{notes[content['scored_on']]})"


def write_figures(folder: Path, test: Predictions, content: dict[str, Any], histories: dict[str, pd.DataFrame]) -> None:
    """Write `history.png`, `rmse_by_question.png` and `predicted_against_voted.png` into `folder`."""
    label, best = _label(content), content["best"]
    baselines = {name: content["valid_rmse"][name] for name in BASELINES}
    title = f"{best}: predicted against voted, {label}"
    drawn = {
        "history": lambda: figures.history(histories, baselines, f"RMSE by epoch ({content['source']})"),
        "rmse_by_question": lambda: figures.rmse_by_question(question_table(test), GREYS, f"RMSE by question, {label}"),
        "predicted_against_voted": lambda: figures.predicted_against_voted(test.by_name[best], test.voted, title),
    }
    figures.write_all(folder, drawn)


def write_predictions(folder: Path, test: Predictions) -> None:
    """Write `<name>.csv`, GalaxyID and the 37 columns, for each model and ensemble."""
    for name, predicted in test.by_name.items():
        if name not in BASELINES:
            files.write_csv(folder / f"{name}.csv", packed.table(test.ids, predicted), float_format="%.6f")
