"""The report: one self-contained HTML page on what a run of the pipeline did and how good its models are."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd

from galaxy.core import decision_tree, metrics, params_file, source_info
from galaxy.core.params import BY_QUESTION, MEAN, WEIGHTED
from galaxy.core.templates import environment
from galaxy.data.galaxies import Galaxies
from galaxy.evaluation import figures, scores
from galaxy.evaluation.baselines import BASELINES
from galaxy.evaluation.comparison import changed
from galaxy.report import charts, leaderboard, likeliest_path

EXTREMES = 4
"""Number of galaxies listed as best predicted, and as worst."""

SIDE = 128
"""Largest side of a picture, in pixels."""

REACHED = 0.1
"""A galaxy's tree lists a question if at least this fraction of the volunteers reached it, by vote or prediction."""

BINS = 10

LISTED = (1, 7, 2, 9, 3, 4, 10, 11, 5, 6, 8)
"""The questions as a tree lists them: each one below the question that leads to it."""


@dataclass(frozen=True)
class Run:
    """Results of a run: `evaluated` is the content of `metrics/evaluate.json`, `histories` are metrics by epoch,
    `questions` the RMSE by question, and `predicted` the best model's fractions for the scored galaxies, which are the
    `rows` of `galaxies`; `sizes` says how many labelled galaxies there are for what."""

    options: dict[str, Any]
    source: dict[str, Any]
    evaluated: dict[str, Any]
    histories: dict[str, pd.DataFrame]
    questions: pd.DataFrame
    predicted: pd.DataFrame
    galaxies: Galaxies
    rows: np.ndarray
    sizes: dict[str, int]


def html(run: Run) -> str:
    """Return the page. It loads nothing from elsewhere, and the same run gives the same page."""
    evaluated, rmse, rows = run.evaluated, run.evaluated["rmse"], run.rows
    voted = run.galaxies.votes[rows]
    predicted = run.predicted.set_index("GalaxyID").loc[run.galaxies.ids[rows], list(decision_tree.COLUMNS)].to_numpy()
    scored = _Galaxies(run.galaxies, rows, voted, predicted)
    models = list(_models(evaluated))
    table = {
        "models": models,
        "floors": [(_words(name), rmse[name]) for name in (scores.FLOOR, scores.PERFECT) if name in rmse],
        "best": _words(evaluated["best"]),
        "levels": _levels(evaluated),
    }
    ranking = {
        "why_not": leaderboard.why_not(run.source),
        "ranks": {model["name"]: leaderboard.standing(model["rmse"]) for model in models},
        "first": leaderboard.FIRST,
    }
    drawn = {
        "history": charts.history(run.histories, {name: evaluated["valid_rmse"][name] for name in BASELINES}),
        "by_question": charts.by_question(run.questions),
        "reliability": charts.reliability(reliability(predicted, voted)),
    }
    answers = [answer.text for answer in decision_tree.question(1).answers]
    template = environment("galaxy.report").get_template("page.html.j2")
    return template.render(
        run=run,
        verdict=verdict(evaluated),
        data={"label": source_info.label(run.source), "sizes": run.sizes},
        changed=changed(params_file.defaults(), params_file.leaves(run.options)).to_dict("records"),
        table=table,
        ranking=ranking,
        charts=drawn,
        confusion=dict(zip(answers, confusion(predicted, voted).tolist(), strict=True)),
        ends=list(_best_and_worst(scored)),
        classes=list(_classes(scored)),
    )


def _models(evaluated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the table of scores, one row per model and baseline."""
    for name, accuracy in evaluated["accuracy_question_1"].items():
        yield {
            "name": _words(name),
            "rmse": evaluated["rmse"][name],
            "valid": evaluated["valid_rmse"].get(name),
            "gain": evaluated["improvement_over_central_pixel_percent"].get(name),
            "accuracy": accuracy,
        }


def _levels(evaluated: dict[str, Any]) -> list[str]:
    """Return the levels of the measured intervals, in percent."""
    measured: dict[str, float] = next(iter(evaluated.get("intervals", {}).values()), {})
    return [key.removeprefix("coverage_") for key in measured if key.startswith("coverage_")]


def verdict(evaluated: dict[str, Any]) -> str:
    """Return the result in a sentence: the best model and the better ensemble beside central pixel and noise floor."""
    best, rmse, gains = evaluated["best"], evaluated["rmse"], evaluated["improvement_over_central_pixel_percent"]
    ensemble = min((name for name in (MEAN, WEIGHTED, BY_QUESTION) if name in rmse), key=lambda name: rmse[name])

    def compared(name: str) -> str:
        return f"{abs(gains[name]):.1f} % {'better' if gains[name] > 0 else 'worse'}"

    return (
        f"The best model, {_words(best)}, is {compared(best)} than the central pixel, and the ensemble {ensemble} "
        f"{compared(ensemble)} (RMSE {rmse[best]:.4f} and {rmse[ensemble]:.4f}; central pixel "
        f"{rmse[scores.REFERENCE]:.4f}; noise floor {rmse[scores.FLOOR]:.4f})."
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def reliability(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """Compare predicted with voted fractions (both N×37): their means in each tenth of the predicted fraction.

    Returns:
        `group` (all columns, or an answer to question 1), `predicted`, `voted`, and the number of `values` in the bin.
    """
    first = decision_tree.question(1)
    groups = {"all 37 columns": slice(None)} | {
        answer.text: slice(i, i + 1) for i, answer in enumerate(first.answers, decision_tree.column_slice(first).start)
    }
    tables = []
    for name, part in groups.items():
        values = pd.DataFrame({"predicted": predicted[:, part].ravel(), "voted": voted[:, part].ravel()})
        bins = np.clip((values["predicted"] * BINS).astype(int), 0, BINS - 1)
        table = values.groupby(bins).agg(
            predicted=("predicted", "mean"), voted=("voted", "mean"), values=("voted", "size")
        )
        tables.append(table.assign(group=name))
    return pd.concat(tables, ignore_index=True)


def confusion(predicted: np.ndarray, voted: np.ndarray) -> np.ndarray:
    """Count galaxies by likeliest answer to question 1, 3×3: rows as voted, columns as predicted."""
    answers = decision_tree.column_slice(decision_tree.question(1))
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (voted[:, answers].argmax(axis=1), predicted[:, answers].argmax(axis=1)), 1)
    return counts


@dataclass(frozen=True)
class _Galaxies:
    """The scored galaxies: their rows in the packed set, their votes and predictions (N×37)."""

    packed: Galaxies
    rows: np.ndarray
    voted: np.ndarray
    predicted: np.ndarray

    def face(self, i: int) -> dict[str, Any]:
        """Return the id and the picture of the i-th galaxy."""
        return {"id": int(self.packed.ids[self.rows[i]]), "picture": picture(self.packed.images[self.rows[i]])}


def _best_and_worst(scored: _Galaxies) -> Iterator[dict[str, Any]]:
    """Give the galaxies with the lowest and with the highest RMSE over their 37 fractions."""
    errors = np.array([metrics.rmse(p, v) for p, v in zip(scored.predicted, scored.voted, strict=True)])
    order = np.argsort(errors, kind="stable")
    for title, chosen in (("Best predicted", order[:EXTREMES]), ("Worst predicted", order[::-1][:EXTREMES])):
        galaxies = [
            scored.face(i)
            | {
                "rmse": float(errors[i]),
                "predicted": likeliest_path.sentence(scored.predicted[i]),
                "voted": likeliest_path.sentence(scored.voted[i]),
                "tree": list(listed_tree(scored.predicted[i], scored.voted[i])),
            }
            for i in chosen
        ]
        yield {"title": title, "galaxies": galaxies}


def listed_tree(predicted: np.ndarray, voted: np.ndarray) -> Iterator[dict[str, Any]]:
    """Give the questions that enough volunteers reached, with the predicted and voted fraction of each answer."""
    for question in map(decision_tree.question, LISTED):
        answers = decision_tree.column_slice(question)
        if max(predicted[answers].sum(), voted[answers].sum()) >= REACHED:
            yield {
                "name": question.name,
                "depth": decision_tree.depth(question),
                "answers": [
                    {"text": answer.text, "predicted": float(p), "voted": float(v)}
                    for answer, p, v in zip(question.answers, predicted[answers], voted[answers], strict=True)
                ],
            }


def _classes(scored: _Galaxies) -> Iterator[dict[str, Any]]:
    """Give a galaxy per column with a large voted fraction, each column another one if there are enough."""
    chosen = figures.one_per_column(scored.voted, np.zeros(len(scored.voted))).tolist()
    for j, (column, i) in enumerate(zip(decision_tree.COLUMNS, chosen, strict=True)):
        values = {"voted": float(scored.voted[i, j]), "predicted": float(scored.predicted[i, j])}
        yield scored.face(i) | values | {"column": column, "text": decision_tree.DESCRIPTIONS[column]}


def picture(image: np.ndarray) -> str:
    """Return the `data:` address of a JPEG of an image (H×W×3 uint8, RGB), at most `SIDE` pixels wide."""
    side = min(SIDE, len(image))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
