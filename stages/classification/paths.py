"""Where the stages of a task keep their outs, from the project's root."""

from dataclasses import dataclass
from pathlib import Path

from galaxy.core.paths import Outs
from stages import paths

DOWNLOADS = Path("data/downloads")
"""What was fetched. Outside DVC's outs, which DVC deletes before a stage runs: nothing is fetched twice."""


@dataclass(frozen=True)
class TaskPaths:
    """The folders of one task."""

    task: str

    @property
    def data(self) -> Path:
        return Path("data/classification") / self.task

    @property
    def metrics(self) -> Path:
        return Path("classification") / self.task / "metrics"

    @property
    def submission(self) -> Path:
        return self.data / "submission.csv"

    def model(self, name: str) -> Path:
        return paths.MODELS / "classification" / self.task / name

    def training(self, name: str) -> Outs:
        """The outs of a model's training."""
        return Outs(
            model=self.model(name),
            history=self.metrics / f"train_{name}_history.csv",
            metrics=self.metrics / f"train_{name}.json",
            checkpoints=paths.CHECKPOINTS / "classification" / self.task / name,
            events=paths.EVENTS / "classification" / self.task / name,
        )
