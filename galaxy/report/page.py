"""The report: one HTML page, all in itself, on what a run of the pipeline did and how good it is."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd

from galaxy.evaluation import scores
from galaxy.report import leaderboard
from galaxy.core import metrics
from galaxy.core import params
from galaxy.core import source_info
from galaxy.report import charts
from galaxy.core import decision_tree
from galaxy.report import likeliest_path
from galaxy.report.comparison import changed
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import SETS
from galaxy.core.templates import environment

TEMPLATE = "report.html.j2"

SHOWN = 4
"""Galaxies shown as best, and as worst."""

SIDE = 128
"""Side of a picture in pixels, at most."""

SHOWN_QUESTION = 0.1
"""A question of a galaxy's tree is shown where so many, by vote or prediction, reached it."""

BINS = 10

WALK = (1, 7, 2, 9, 3, 4, 10, 11, 5, 6, 8)
"""The questions in the order in which a tree is listed: what hangs on a question is below it."""


@dataclass(frozen=True)
class Run:
    """What a run of the pipeline left.

    `evaluated` is what `metrics/evaluate.json` holds, `histories` the tables of each model, `questions` the table of
    RMSE by question, `predicted` the fractions that the best model gives for the scored galaxies (`GalaxyID` and 37).
    """

    options: dict[str, Any]
    source: dict[str, Any]
    evaluated: dict[str, Any]
    histories: dict[str, pd.DataFrame]
    questions: pd.DataFrame
    predicted: pd.DataFrame
    galaxies: Galaxies
    split: pd.DataFrame


def html(run: Run) -> str:
    """The page. It fetches nothing, and the same run gives the same page.

    Raises:
        GalaxyError: the split was made of other galaxies than those that are packed.
    """
    rows = run.galaxies.rows(run.split)[run.evaluated["scored_on"]]
    voted = run.galaxies.votes[rows]
    predicted = run.predicted.set_index("GalaxyID").loc[run.galaxies.ids[rows], list(decision_tree.COLUMNS)].to_numpy()
    scored = _Scored(run.galaxies, rows, voted, predicted)
    rmse = run.evaluated["rmse"]
    baselines = {name: rmse[name] for name in ("column_means", "central_pixel")}
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            simulated=run.source["source"] == "simulated",
            label=source_info.label(run.source),
            source=run.source,
            sizes={name: int((run.split["Set"] == name).sum()) for name in SETS},
            changed=changed(params.defaults(), params.leaves(run.options)).to_dict("records"),
            models=list(_models(run.evaluated)),
            floors=[(_words(name), rmse[name]) for name in (scores.FLOOR, scores.PERFECT) if name in rmse],
            best=_words(run.evaluated["best"]),
            scored_on=run.evaluated["scored_on"],
            tested=run.evaluated["galaxies"],
            why_no_rank=leaderboard.why_not(run.source),
            ranks={model["name"]: leaderboard.standing(model["rmse"]) for model in _models(run.evaluated)},
            leaderboard=leaderboard.FIRST,
            history=charts.history(run.histories, baselines),
            by_question=charts.by_question(run.questions),
            reliability=charts.reliability(reliability(predicted, voted)),
            confusion=confusion(predicted, voted),
            answers=[answer.text for answer in decision_tree.question(1).answers],
            ends=list(_best_and_worst(scored)),
            classes=list(_classes(scored)),
        )
    )


def _models(evaluated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row a model and baseline of the table of scores."""
    for name, accuracy in evaluated["accuracy_question_1"].items():
        yield {
            "name": _words(name),
            "rmse": evaluated["rmse"][name],
            "valid": evaluated["valid_rmse"].get(name),
            "gain": evaluated["improvement_over_central_pixel_percent"].get(name),
            "accuracy": accuracy,
        }


def _words(name: str) -> str:
    return name.replace("_", " ")


def reliability(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """What was voted where a fraction was predicted: means by tenth of the predicted fraction.

    Args:
        predicted, voted: N×37.

    Returns:
        `group` (all columns, or an answer of question 1), `predicted`, `voted`, and how many `values` are in the bin.
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
    """3×3 counts for question 1: rows by the volunteers' likeliest answer, columns by the predicted one."""
    answers = decision_tree.column_slice(decision_tree.question(1))
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (voted[:, answers].argmax(axis=1), predicted[:, answers].argmax(axis=1)), 1)
    return counts


@dataclass(frozen=True)
class _Scored:
    """The test galaxies: their rows among the packed, their votes and predictions (N×37)."""

    galaxies: Galaxies
    rows: np.ndarray
    voted: np.ndarray
    predicted: np.ndarray

    def shown(self, i: int) -> dict[str, Any]:
        """The picture and the id of the i-th test galaxy."""
        return {"id": int(self.galaxies.ids[self.rows[i]]), "picture": picture(self.galaxies.images[self.rows[i]])}


def _best_and_worst(scored: _Scored) -> Iterator[dict[str, Any]]:
    errors = np.array([metrics.rmse(p, v) for p, v in zip(scored.predicted, scored.voted, strict=True)])
    order = np.argsort(errors, kind="stable")
    for title, chosen in (("Best predicted", order[:SHOWN]), ("Worst predicted", order[::-1][:SHOWN])):
        galaxies = [
            scored.shown(i)
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
    """The questions that enough volunteers reached, by vote or prediction, with both fractions of each answer."""
    for question in map(decision_tree.question, WALK):
        answers = decision_tree.column_slice(question)
        if max(predicted[answers].sum(), voted[answers].sum()) >= SHOWN_QUESTION:
            yield {
                "name": question.name,
                "depth": decision_tree.depth(question),
                "answers": [
                    {"text": answer.text, "predicted": float(p), "voted": float(v)}
                    for answer, p, v in zip(question.answers, predicted[answers], voted[answers], strict=True)
                ],
            }


def _classes(scored: _Scored) -> Iterator[dict[str, Any]]:
    """For each column the test galaxy of which most volunteers said so."""
    for j, column in enumerate(decision_tree.COLUMNS):
        i = int(scored.voted[:, j].argmax())
        values = {"voted": float(scored.voted[i, j]), "predicted": float(scored.predicted[i, j])}
        yield scored.shown(i) | values | {"column": column, "text": decision_tree.DESCRIPTIONS[column]}


def picture(image: np.ndarray) -> str:
    """An image (H×W×3 uint8, RGB) as the `data:` address of a JPEG, `SIDE` pixels wide at most."""
    side = min(SIDE, len(image))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
