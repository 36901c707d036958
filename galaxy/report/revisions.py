"""Revisions of the project: their params, predictions and votes, read through DVC from Git and DVC's cache."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import dvc.api
import pandas as pd
from dvc.exceptions import PathMissingError
from dvc.repo import Repo
from dvc.scm import resolve_rev

from galaxy.core.errors import GalaxyError, describe
from galaxy.core.params import BY_QUESTION, MEAN, WEIGHTED
from galaxy.core.params_file import PARAMS_FILE, leaves, read_yaml
from galaxy.core.paths import PATHS

WORKSPACE = "workspace"
"""DVC's name for what is in the folder now, committed or not."""

T = TypeVar("T")


@dataclass(frozen=True)
class Revision:
    """A commit, branch, tag or experiment by its name, or the workspace."""

    name: str

    @property
    def _rev(self) -> str | None:
        return None if self.name == WORKSPACE else self.name

    @cached_property
    def _content(self) -> dict[str, Any]:
        return self._ask(lambda: dvc.api.params_show(str(PARAMS_FILE), rev=self._rev), str(PARAMS_FILE))

    @property
    def params(self) -> dict[str, Any]:
        """All params by dotted key: `{"split.test": 0.2, …}`."""
        return leaves(self._content)

    @property
    def kind(self) -> str | None:
        """The kind of labels that the models of own labels or of a task learn; None: they learn 37 vote fractions."""
        return "class" if self._is_task else self._content.get("target", {}).get("kind")

    @property
    def _is_task(self) -> bool:
        return "compared" in self._content

    @property
    def models(self) -> list[str]:
        """Names of the trained models, and of their mean, if there is one."""
        if self._is_task:
            return [*self._content["compared"], *(self._content.get("transferred") or [])]
        own = [name for name in ("cnn", "resnet") if f"train_{name}" in self._content]
        return [*own, *self._content.get("train", {}), *([MEAN] if self.kind is None else [])]

    def predictions(self, model: str) -> pd.DataFrame:
        """Read the predictions of a model or ensemble for the revision's test galaxies: `GalaxyID` and the 37 columns.

        Of own labels and tasks: what `predictions_table` returns in `galaxy.own_labels.scores` or
        `galaxy.task_results.scores`.

        Raises:
            GalaxyError: the revision has no such model.
        """
        if model not in (*self.models, WEIGHTED, BY_QUESTION):
            raise GalaxyError(f"{self.name} has no model {model!r}; it has {', '.join(self.models)}")
        return self._table(str(PATHS.predictions / f"{model}.csv"))

    @cached_property
    def votes(self) -> pd.DataFrame:
        """Votes for every labelled galaxy, in the columns that `galaxy.data.galaxies` describes."""
        return self._table(str(PATHS.preprocessed / "training.csv"))

    def _table(self, path: str) -> pd.DataFrame:
        return pd.read_csv(io.StringIO(self._ask(lambda: self._read(path), path)))

    def _read(self, path: str) -> str:
        """Return the text of a file that a stage made.

        DVC's own function does not find files of a DVC project in a subfolder of a Git repository, such as a recipe, in
        a commit. There the file is looked up in the commit's lock file, and read from the cache.
        """
        repo = Repo()
        if self._rev is None or repo.root_dir == repo.scm.root_dir:
            return str(dvc.api.read(path, rev=self._rev))
        tree = repo.scm.get_fs(resolve_rev(repo.scm, self._rev))
        lock = read_yaml(tree.open(f"{Path(repo.root_dir).relative_to(repo.scm.root_dir)}/dvc.lock", "r").read())
        outs = [out for stage in lock["stages"].values() for out in stage.get("outs", ())]
        for out in outs:
            if path == out["path"]:
                return _cached(repo, out["md5"])
            if path.startswith(f"{out['path']}/"):
                for member in json.loads(_cached(repo, out["md5"])):
                    if path == f"{out['path']}/{member['relpath']}":
                        return _cached(repo, member["md5"])
        raise PathMissingError(path, self.name)

    def _ask(self, ask: Callable[[], T], wanted: str) -> T:
        try:
            return ask()
        except Exception as error:  # DVC passes on whatever its libraries raise
            reason = describe(error)
            advice = "name a revision or experiment in which dvc repro has run (dvc exp show lists them)"
            if self.name == WORKSPACE:
                advice = "run dvc repro first"
            elif wanted != str(PARAMS_FILE) and not isinstance(error, PathMissingError):
                reason = f"{self.name} holds results made elsewhere, which DVC's cache does not have ({reason})"
                advice = "run dvc repro and commit yours first (git commit --all), or fetch them (dvc pull)"
            raise GalaxyError(f"{self.name}: no {wanted}: {reason}; {advice}") from None


def _cached(repo: Repo, checksum: str) -> str:
    """Return the text of a file in DVC's cache."""
    return Path(repo.cache.local.oid_to_path(checksum)).read_text()
