"""Logging a training with TensorBoard, as CSV, with DVCLive, MLflow or Weights & Biases, by their own classes.

What is logged at step n was measured after n steps of the optimizer; the loss is that of step n itself. A training that
starts anew is a new run. One that resumes from a checkpoint goes on in its run, whose later steps it logs again: they
are removed first, or else not logged twice. Weights & Biases can do neither: a run that goes on offline logs all again.
"""

import logging
import os
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from galaxy.core import files, runtime
from galaxy.core.errors import GalaxyError, describe
from galaxy.core.params import Training
from galaxy.core.params_file import read_yaml

PROJECT = "galaxy-zoo"
"""Name of MLflow's experiment and of the project of Weights & Biases, unless the environment names another."""

RUN = "run.json"
"""File beside the checkpoints with the id of the run, by which a resumed training finds it."""


class RunLog(ABC):
    """Log one training: the loss of each step, the scores and the learning rate of each epoch, the params once.

    Args:
        folder: for the logger's files; its name is the run's.
        scratch: the folder of the checkpoints.
        step: the step that the training resumes from; None: it starts anew.
    """

    logger: Any  # of Lightning's class Logger; they have no type in common with their `experiment`

    @abstractmethod
    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None: ...

    def losses(self, last: int, values: Sequence[float]) -> None:
        """Log the losses of consecutive steps that end with step `last`."""
        for step, value in enumerate(values, last + 1 - len(values)):
            self.logger.log_metrics({"loss": value}, step)
        self.logger.save()

    def epoch(self, step: int, row: dict[str, float], params: dict[str, Any]) -> None:
        """Log a row of the history, see `galaxy.training.history`; with that of epoch 0 the params."""
        if step == 0:
            self.logger.log_hyperparams(params)
        self.logger.log_metrics(row, step)
        self.logger.save()

    def close(self, status: str) -> None:
        """End the run as a `success` or as `failed`."""
        self.logger.finalize(status)


class TensorBoard(RunLog):
    """Event files in the folder; TensorBoard leaves out what a later file purges."""

    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None:
        import tensorboard  # noqa: F401 (Lightning's class imports it later)

        purged = None if step is None else step + 1
        self.logger = TensorBoardLogger(folder, name="", version="", purge_step=purged)

    def epoch(self, step: int, row: dict[str, float], params: dict[str, Any]) -> None:
        if step == 0:
            self.logger.log_hyperparams(params, row, step)  # with the row, so that its table of params has scores
            self.logger.save()
        else:
            super().epoch(step, row, params)


class CSV(RunLog):
    """`metrics.csv` and `hparams.yaml` in the folder."""

    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None:
        self.logger = CSVLogger(folder, name="", version="")
        table = folder / ExperimentWriter.NAME_METRICS_FILE
        if step is not None and table.exists():
            self.logger._experiment = _Continued(str(folder))
            self.logger._experiment.metrics_keys = _cut(table, ",", step)


class _Continued(ExperimentWriter):
    """Append to the file of before, which Lightning's own class would remove."""

    def _check_log_dir_exists(self) -> None:
        pass


class DVCLive(RunLog):
    """DVCLive's `metrics.json`, `params.yaml` and `plots/metrics/*.tsv` in the folder."""

    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None:
        from dvclive.lightning import DVCLiveLogger

        if step is not None:
            for table in folder.glob("plots/metrics/**/*.tsv"):
                _cut(table, "\t", step)
        # The pipeline's own dvc.yaml is none of its business: dvcyaml=None.
        self.logger = DVCLiveLogger(dir=str(folder), resume=step is not None, save_dvc_exp=False, dvcyaml=None)
        if step is None:
            self.logger.experiment.step = -1  # for a step 0 it takes the one after its last

    def epoch(self, step: int, row: dict[str, float], params: dict[str, Any]) -> None:
        super().epoch(step, row, params)
        self.logger.experiment.sync()


class MLflow(RunLog):
    """A run in a database beside the folder, or where the environment's `MLFLOW_TRACKING_URI` says."""

    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the first import of it
        import mlflow  # noqa: F401 (Lightning's class imports it later)

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it would name each table that it makes
        folder.parent.mkdir(parents=True, exist_ok=True)
        database = f"sqlite:///{folder.parent.absolute() / 'mlflow.db'}"
        self.uri = os.environ.get("MLFLOW_TRACKING_URI") or database
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        self._last: dict[str, int] = {}
        with self._explained():
            self.logger = MLFlowLogger(name, folder.name, self.uri, run_id=_run_id(scratch, step))
            client, run = self.logger.experiment, self.logger.run_id
            for metric in client.get_run(run).data.metrics:
                self._last[metric] = max(entry.step for entry in client.get_metric_history(run, metric))
        _write_run_id(scratch, run)

    def losses(self, last: int, values: Sequence[float]) -> None:
        self._log([("loss", value, step) for step, value in enumerate(values, last + 1 - len(values))])

    def epoch(self, step: int, row: dict[str, float], params: dict[str, Any]) -> None:
        if step == 0:
            self.logger.log_hyperparams(params)
        self._log([(name, value, step) for name, value in row.items()])

    def _log(self, entries: list[tuple[str, float, int]]) -> None:
        """Log values at steps that have none yet, all at once: each call is a transaction of its own."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        new = [Metric(name, value, now, step) for name, value, step in entries if step > self._last.get(name, -1)]
        with self._explained():
            self.logger.experiment.log_batch(self.logger.run_id, metrics=new)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except MlflowException as error:
            advice = "correct MLFLOW_TRACKING_URI, or wait until it answers; a training resumes"
            raise GalaxyError(f"logger is mlflow, but {self.uri} refuses: {describe(error)}; {advice}") from None


class WeightsAndBiases(RunLog):
    """A run of Weights & Biases with its files in `wandb` in the folder, offline unless the user has logged in.

    A process of its own writes these files; where this one is killed, it loses what it has not written yet. So all is
    kept beside the checkpoints, too, and a run that goes on offline logs it again.
    """

    def __init__(self, folder: Path, scratch: Path, step: int | None) -> None:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)  # or it would take another one
        run = _run_id(scratch, step) or uuid.uuid4().hex[:8]
        _write_run_id(scratch, run)
        mode = None
        if "WANDB_MODE" not in os.environ and not wandb.login(prompt=False, verify=False):
            mode = "offline"
            runtime.say(f"wandb: not logged in, so the run stays in {folder / 'wandb'}; wandb sync sends it")
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self.logger = WandbLogger(name=folder.name, save_dir=folder, id=run, project=project, resume="allow", mode=mode)
        try:
            self.logger.experiment  # noqa: B018 (it starts the run)
        except wandb.Error as error:
            advice = "set WANDB_MODE=offline to log on this machine only"
            raise GalaxyError(f"logger is wandb, but {describe(error)}; {advice}") from None
        self.kept = CSV(scratch / "logged", scratch, step)
        if step is not None and self.logger.experiment.offline:
            self._log_again(Path(self.kept.logger.log_dir))

    def losses(self, last: int, values: Sequence[float]) -> None:
        self.kept.losses(last, values)
        super().losses(last, values)

    def epoch(self, step: int, row: dict[str, float], params: dict[str, Any]) -> None:
        self.kept.epoch(step, row, params)
        super().epoch(step, row, params)

    def _log_again(self, kept: Path) -> None:
        self.logger.log_hyperparams(read_yaml((kept / ExperimentWriter.NAME_HPARAMS_FILE).read_text()))
        for row in pd.read_csv(kept / ExperimentWriter.NAME_METRICS_FILE).to_dict("records"):
            step = row.pop("step")
            self.logger.log_metrics({name: value for name, value in row.items() if pd.notna(value)}, int(step))

    def close(self, status: str) -> None:
        super().close(status)
        self.logger.experiment.finish(exit_code=int(status != "success"))


LOGS: dict[str, type[RunLog]] = {
    "tensorboard": TensorBoard,
    "csv": CSV,
    "dvclive": DVCLive,
    "mlflow": MLflow,
    "wandb": WeightsAndBiases,
}
"""By the param `logger`; all but `csv` have an extra of that name."""


@contextmanager
def run_log(options: Training, folder: Path, scratch: Path, step: int | None) -> Iterator[RunLog | None]:
    """Give what logs a training; None if the options name no logger, or for other processes than the main one.

    Args: see `RunLog`.

    Raises:
        GalaxyError: the logger's package is not installed, or it cannot log where the environment tells it to.
    """
    if options.logger is None or not runtime.is_main():
        yield None
        return
    if step is None and folder.exists():
        _set_aside(folder)
    try:
        log = LOGS[options.logger](folder, scratch, step)
    except ModuleNotFoundError as error:
        missing = f"logger is {options.logger}, but {str(error.name).partition('.')[0]} is not installed"
        raise GalaxyError(f'{missing}; pip install "galaxy-zoo-pipeline[{options.logger}]"') from None
    status = "failed"
    try:
        yield log
        status = "success"
    finally:
        log.close(status)


def _set_aside(folder: Path) -> None:
    """Rename the folder of an earlier training to the first of `<name>.1`, `<name>.2` … that is free."""
    others = (folder.with_name(f"{folder.name}.{number}") for number in count(1))
    folder.rename(next(other for other in others if not other.exists()))


def _cut(path: Path, separator: str, step: int) -> list[str]:
    """Remove the rows after a step from a table, and return the names of its columns."""
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
    kept = pd.to_numeric(table["step"], errors="coerce") <= step  # a kill may leave a part of a row
    files.write_csv(path, table[kept], sep=separator)
    return table.columns.to_list()


def _run_id(scratch: Path, step: int | None) -> str | None:
    """Return the id of the run of a training that resumes from a step; None if it starts anew."""
    return None if step is None else files.read_json(scratch / RUN)["id"]


def _write_run_id(scratch: Path, run: str) -> None:
    files.write_json(scratch / RUN, {"id": run})
