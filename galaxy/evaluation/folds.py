"""Scores of models that were trained without a fold, on the galaxies of that fold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree, files, metrics
from galaxy.core.errors import GalaxyError
from galaxy.core.params import BY_QUESTION, MEAN, WEIGHTED
from galaxy.core.paths import Paths, fold_name
from galaxy.data import split
from galaxy.data.galaxies import Galaxies
from galaxy.evaluation import comparison, scores
from galaxy.evaluation.comparison import Pairs
from galaxy.evaluation.scores import Predictions

HELD_OUT, TEST = "held_out.csv", "test.csv"
"""Files in the folder of a fold's predictions: for its own galaxies, and for the unlabelled test images."""

STEPS = ((MEAN, WEIGHTED), (WEIGHTED, BY_QUESTION))
"""Ensembles that are compared: does the second gain by its additional weights?"""


@dataclass(frozen=True)
class HeldOut:
    """What models predict for N galaxies that they were trained without, and the number of each galaxy's fold.

    `valid_rmse` is the mean over folds of each RMSE on the galaxies that chose the epoch.
    """

    predictions: Predictions
    folds: np.ndarray
    valid_rmse: dict[str, float]

    def with_ensembles(self, names: Sequence[str]) -> "HeldOut":
        """Add the ensembles of the models `names`, each galaxy's with weights that were fitted on others."""
        scored = self.predictions
        models = replace(scored, by_name={name: scored.by_name[name] for name in names})
        return replace(
            self,
            predictions=replace(
                scored, by_name=models.with_fitted_ensembles(by_question=True).by_name | scored.by_name
            ),
        )


def read(paths: Paths, names: Sequence[str], chosen: Sequence[int], galaxies: Galaxies, table: pd.DataFrame) -> HeldOut:
    """Read the predictions of models and compute those of the baselines, fold by fold.

    Args:
        names: the models.
        chosen: the folds that were trained.
        table: what `galaxy.data.split.deal` returned.

    Raises:
        GalaxyError: predictions are absent, or of other galaxies.
    """
    parts, folds, valid = [], [], []
    for fold in chosen:
        rows = galaxies.rows(split.of_fold(table, fold))
        by_name = {name: read_fold(paths.fold(name, fold) / HELD_OUT, galaxies.ids[rows["test"]]) for name in names}
        held_out = Predictions(galaxies.ids[rows["test"]], galaxies.votes[rows["test"]], by_name)
        parts.append(scores.add_baselines(held_out, galaxies, rows["train"], rows["test"]))
        folds.append(np.full(len(rows["test"]), fold))
        trained = {name: files.read_json(paths.training(fold_name(name, fold)).metrics) for name in names}
        own = Predictions(galaxies.ids[rows["valid"]], galaxies.votes[rows["valid"]], {})
        baselines = scores.add_baselines(own, galaxies, rows["train"], rows["valid"]).rmse()
        valid.append({name: found["valid_rmse"] for name, found in trained.items()} | baselines)
    joined = Predictions(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.voted for part in parts]),
        {name: np.concatenate([part.by_name[name] for part in parts]) for name in parts[0].by_name},
    )
    return HeldOut(joined, np.concatenate(folds), dict(pd.DataFrame(valid).mean()))


def read_fold(path: Path, ids: np.ndarray) -> np.ndarray:
    """Read what the model of a fold predicts for these galaxies, M×37.

    Raises:
        GalaxyError: the file is absent, or holds other galaxies.
    """
    if not path.exists():
        raise GalaxyError(f"{path}: no such file; run dvc repro")
    found = pd.read_csv(path)
    if not np.array_equal(found["GalaxyID"], ids):
        raise GalaxyError(f"{path} holds other galaxies than the preprocessed images; run dvc repro")
    return found[list(decision_tree.COLUMNS)].to_numpy(np.float32)


def mean_over_folds(paths: Paths, name: str, chosen: Sequence[int], ids: np.ndarray) -> np.ndarray:
    """Return the mean over folds of what a model's trainings predict for test images, M×37."""
    total = np.zeros((len(ids), len(decision_tree.COLUMNS)))
    for fold in chosen:
        total += read_fold(paths.fold(name, fold) / TEST, ids)
    return total / len(chosen)


def mean_history(paths: Paths, name: str, chosen: Sequence[int]) -> pd.DataFrame:
    """Return the mean over folds of each metric by epoch; the later epochs are of the folds that had so many."""
    histories = [pd.read_csv(paths.training(fold_name(name, fold)).history) for fold in chosen]
    return pd.concat(histories).groupby("epoch", as_index=False).mean()


def summary(held_out: HeldOut, chosen: Sequence[int]) -> dict[str, Any]:
    """Return what folds add to `scores.summarise`: their number, and the standard error over them of each RMSE."""
    scored = held_out.predictions
    errors = {name: standard_error(p, scored.voted, held_out.folds) for name, p in scored.by_name.items()}
    return {"folds": len(chosen)} | ({"rmse_standard_error": errors} if len(chosen) > 1 else {})


def standard_error(predicted: np.ndarray, voted: np.ndarray, folds: np.ndarray) -> float:
    """Return the standard error over folds of the RMSE of N×C predictions; NaN for a single fold."""
    values = [metrics.rmse(predicted[folds == fold], voted[folds == fold]) for fold in np.unique(folds)]
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def question_table(held_out: HeldOut) -> pd.DataFrame:
    """Return `scores.question_table` with a column `standard_error`, over folds, of the RMSE."""
    scored, table = held_out.predictions, scores.question_table(held_out.predictions)
    parts = {question.number: decision_tree.column_slice(question) for question in decision_tree.QUESTIONS}
    errors = [
        standard_error(scored.by_name[name][:, parts[number]], scored.voted[:, parts[number]], held_out.folds)
        if name in scored.by_name
        else np.nan
        for name, number in zip(table["model"], table["question"], strict=True)
    ]
    table.insert(list(table.columns).index("rmse") + 1, "standard_error", errors)
    return table


def fold_table(held_out: HeldOut) -> pd.DataFrame:
    """Return the RMSE by fold, one row for each and one column for each prediction."""
    scored = held_out.predictions
    rows = []
    for fold in np.unique(held_out.folds):
        own = held_out.folds == fold
        rmse = {name: metrics.rmse(predicted[own], scored.voted[own]) for name, predicted in scored.by_name.items()}
        rows.append({"fold": int(fold), "galaxies": int(own.sum()), **rmse})
    return pd.DataFrame(rows)


def compare_ensembles(scored: Predictions) -> pd.DataFrame:
    """Return what the weights of each ensemble gain over a simpler one, for all columns and by question.

    See `galaxy.evaluation.comparison.by_question`: the intervals are a paired bootstrap's over galaxies.
    """
    tables = []
    for before, after in STEPS:
        size = (len(scored.ids), len(scored.ids))
        pairs = Pairs(scored.ids, scored.voted, scored.by_name[before], scored.by_name[after], size)
        table = comparison.by_question(pairs)
        table.insert(0, "step", f"{before} to {after}")
        tables.append(table.assign(verdict=table.apply(comparison.verdict, axis=1)))
    return pd.concat(tables, ignore_index=True)


def terminal_table(ensembles: pd.DataFrame) -> str:
    """Return what `compare_ensembles` returned as text: the rows for all columns, and the questions that gain."""
    whole = ensembles[ensembles["question"] == comparison.ALL]
    lines = ["what weights gain on galaxies that they were not fitted on (95 % interval, paired bootstrap):"]
    for row in whole.itertuples():
        lines.append(f"  {row.step}: {row.difference:+.5f} ({row.low:+.5f} to {row.high:+.5f}), {row.verdict}")
    return "\n".join(lines)
