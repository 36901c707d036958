"""The report: one self-contained HTML page on what was learned of own labels, and how well."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core.paths import Paths
from galaxy.core.templates import environment
from galaxy.own_labels import scores
from galaxy.own_labels.evaluation import score_names
from galaxy.own_labels.labelled import Labelled
from galaxy.own_labels.params import OwnLabels
from galaxy.report import tables
from galaxy.report.page import picture

SHOWN = 8
"""Images that are shown as best predicted, and as worst."""


def html(options: OwnLabels, data: Labelled, paths: Paths) -> str:
    """Return the page. It loads nothing from elsewhere, and the same run gives the same page."""
    evaluated = files.read_json(paths.evaluation)
    table, few = pd.read_csv(paths.metrics / "scores.csv"), pd.read_csv(paths.metrics / "few_labels.csv")
    by_class = paths.evaluation_figures / "classes.csv"
    best = evaluated["best"]
    return (
        environment("galaxy.report")
        .get_template("own_labels.html.j2")
        .render(
            title=f"{', '.join(options.target.columns)} ({evaluated['source']})",
            verdict=verdict(table, evaluated),
            simulated=evaluated["source"] == "simulated",
            test_images=evaluated["test_images"],
            best=best,
            models=_rows(table, "model"),
            few=_rows(few.drop(columns="model"), "labels"),
            classes=_rows(_of_best(pd.read_csv(by_class), best), "class") if by_class.exists() else None,
            intervals=_intervals(paths.evaluation_figures / "coverage.csv", best),
            numbers=evaluated["kind"] == "number",
            figures=tables.figures(paths.evaluation_figures),
            ends=list(_best_and_worst(data, pd.read_csv(paths.predictions / f"{best}.csv"))),
            source=data.examples.source,
            images=files.read_json(paths.metrics / "images.json"),
            sets=data.examples.table["set"].value_counts().to_dict(),
        )
    )


def _intervals(path: Path, best: str) -> dict[str, Any] | None:
    """Return for the best model a row per output, with the share of labels and the mean width of each level.

    Classes have no intervals, and no such file.
    """
    if not path.exists():
        return None
    table = pd.read_csv(path)
    own = table[table["model"] == best]
    columns: dict[str, list[Any]] = {"output": own["output"].unique().tolist()}
    for level in own["level"].unique():
        rows = own[own["level"] == level]
        columns[f"in {100 * level:.0f} %"] = [f"{100 * share:.1f} %" for share in rows["coverage"]]
        columns[f"width of {100 * level:.0f} %"] = rows["width"].tolist()
    return _rows(pd.DataFrame(columns), "output")


def verdict(table: pd.DataFrame, evaluated: dict[str, Any]) -> str:
    """Return the result in a sentence: the best model beside the baseline."""
    decides = scores.DECIDES[evaluated["kind"]]
    by_model = table.set_index("model")
    row, reference = by_model.loc[evaluated["best"]], by_model.iloc[0]
    name = decides.replace("_", " ").replace("rmse", "RMSE")
    return (
        f"The best model, {evaluated['best']}, has {_article(name)} {name} of {row[decides]:.3f} (interval "
        f"{row['low']:.3f} to {row['high']:.3f}); the baseline, {by_model.index[0]}, has {reference[decides]:.3f}."
    )


def _article(name: str) -> str:
    return "an" if name[0] in "aR" else "a"


def _of_best(by_class: pd.DataFrame, best: str) -> pd.DataFrame:
    return by_class[by_class["model"] == best].drop(columns="model")


def _rows(table: pd.DataFrame, key: str) -> dict[str, Any]:
    """Return a table for the template, see `tables.rows`; if there is an interval, with the metrics only."""
    if "low" in table:
        first, *others = score_names(table)
        table = table[[key, first, "low", "high", *others]]
    return tables.rows(table, key)


def _best_and_worst(data: Labelled, predicted: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Give the test images that are predicted best and worst, by squared error of probabilities or numbers."""
    rows, outputs = data.rows("test"), data.labels.outputs
    values = predicted[[f"predicted_{name}" for name in outputs]].to_numpy()
    actual = data.labels.shares[rows]
    spread = np.maximum(actual.std(axis=0), 1e-6) if data.labels.kind == "number" else 1.0
    order = np.argsort(np.square((values - actual) / spread).sum(axis=1), kind="stable")
    names = data.catalogue["file"].to_numpy()[rows]
    for title, chosen in (("Best predicted", order[:SHOWN]), ("Worst predicted", order[::-1][:SHOWN])):
        images = [
            {
                "name": names[i],
                "picture": picture(np.asarray(data.examples.images[rows[i]])),
                "predicted": _words(values[i], outputs, data.labels.kind),
                "label": _words(actual[i], outputs, data.labels.kind),
            }
            for i in chosen
        ]
        yield {"title": title, "images": images}


def _words(values: np.ndarray, outputs: Sequence[str], kind: str) -> str:
    if kind in ("class", "counts"):
        i = int(values.argmax())
        return f"{outputs[i]} {100 * values[i]:.0f} %"
    return ", ".join(f"{name} {value:.3g}" for name, value in zip(outputs, values, strict=True))
