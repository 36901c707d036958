"""Where a pipeline keeps its files. Every path starts from the pipeline's folder, the one that holds `dvc.yaml`."""

from dataclasses import dataclass, replace
from pathlib import Path

KAGGLE_DOWNLOADS = Path("data/kaggle")
DOWNLOADS = Path("data/downloads")
"""What was fetched. These are no DVC outs: DVC deletes outs before a stage runs, and would fetch again."""

START = "start"
"""The part of a recipe that makes what its models start from; see `Paths`."""

SIMULATED_TRUTH = "simulated_truth.csv"
"""Lies beside simulated galaxies: their expected votes. See `galaxy.data.simulated_truth`."""

FIELD_OF_VIEW = "field_of_view.json"
"""Lies beside packed images: their crop and size. See `galaxy.data.field_of_view`."""

CENTRAL_COLOURS = ("CentralRed", "CentralGreen", "CentralBlue")
"""Columns of a packed table: the central pixel, the mean colour of a galaxy's central 10×10 pixels, 0–255."""


@dataclass(frozen=True)
class TrainingPaths:
    """The files that a training writes, its folder of checkpoints, and the folder of its logger.

    `time` is for how long it took: a file of its own, because all others have the same bytes in each run. None: none.
    """

    model: Path
    history: Path
    metrics: Path
    checkpoints: Path
    events: Path
    time: Path | None = None


class Paths:
    """The files of a pipeline.

    Args:
        part: a subfolder for a part with data and models of its own, such as `start`.
    """

    def __init__(self, part: str = "") -> None:
        root = Path(part)
        self.data, self.models, self.metrics = root / "data", root / "models", root / "metrics"
        self._checkpoints, self._events = root / ".checkpoints", root / "runs"
        self.outside = self.data / "outside"
        self.raw = self.data / "raw"
        self.preprocessed = self.data / "preprocessed"
        self.split = self.data / "split.csv"
        self.predictions = self.data / "predictions"
        self.folds = self.data / "folds"
        self.submission = self.data / "submission" / "submission.csv"
        self.report = self.data / "report" / "report.html"
        self.evaluation = self.metrics / "evaluate.json"
        self.evaluation_figures = self.metrics / "evaluate"
        self.rmse_by_question = self.metrics / "rmse_by_question.csv"
        self.rmse_by_column = self.metrics / "rmse_by_column.csv"
        self.coverage = self.metrics / "coverage.csv"
        self.rmse_by_fold = self.metrics / "rmse_by_fold.csv"
        self.ensembles = self.metrics / "ensembles.csv"
        self.exploration_figures = self.metrics / "explore"
        self.galleries = self.data / "explore"
        self.realism = self.metrics / "calibration.json"
        self.realism_table = self.metrics / "calibration.csv"

    def fold(self, model: str, fold: int) -> Path:
        """Return the folder with the predictions of the model of a fold: `held_out.csv` and `test.csv`."""
        return self.folds / fold_name(model, fold)

    def model(self, name: str) -> Path:
        """Return the folder of a trained model."""
        return self.models / name

    def training(self, name: str) -> TrainingPaths:
        """Return the files of the training of one model, which does not write how long it took."""
        return TrainingPaths(
            model=self.model(name),
            history=self.metrics / "train" / f"{name}_history.csv",
            metrics=self.metrics / "train" / f"{name}.json",
            checkpoints=self._checkpoints / name,
            events=self._events / name,
        )

    def timed_training(self, name: str) -> TrainingPaths:
        """Return the files of the training of one model of a task, which writes how long it took, too."""
        return replace(self.training(name), time=self.metrics / "train" / f"{name}_time.json")


def fold_name(model: str, fold: int) -> str:
    """Return the name of a model that is trained without a fold, as DVC calls its stage."""
    return f"{model}-{fold}"


def few_name(labels: int) -> str:
    """Return the name of a model that is trained on so many labels; no model of the params has a hyphen."""
    return f"few-{labels}"


PATHS = Paths()
"""The files of the pipeline in the current folder."""
