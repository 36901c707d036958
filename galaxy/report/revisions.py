"""What a revision of the project held: its params, predictions and votes, through DVC (Git's files and the cache)."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import dvc.api
import pandas as pd

from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.core.params import MEAN
from galaxy.core.params import PARAMS_FILE
from galaxy.core.params import TRAIN_PREFIX
from galaxy.core.params import leaves

WORKSPACE = "workspace"
"""The name of what lies in the folder now, committed or not; as DVC calls it."""

PREDICTIONS, VOTES = "data/predictions", "data/preprocessed/training.csv"

T = TypeVar("T")


@dataclass(frozen=True)
class Revision:
    """A commit, branch, tag or experiment by its name, or the workspace."""

    name: str

    @property
    def _rev(self) -> str | None:
        return None if self.name == WORKSPACE else self.name

    @cached_property
    def params(self) -> dict[str, Any]:
        """All leaves of the params by dotted key: `{"split.test": 0.2, …}`."""
        content = self._ask(lambda: dvc.api.params_show(str(PARAMS_FILE), rev=self._rev), str(PARAMS_FILE))
        return leaves(content)

    @property
    def models(self) -> list[str]:
        """The models that were trained, and their mean."""
        sections = dict.fromkeys(key.partition(".")[0] for key in self.params if key.startswith(TRAIN_PREFIX))
        return [*(section.removeprefix(TRAIN_PREFIX) for section in sections), MEAN]

    def predictions(self, model: str) -> pd.DataFrame:
        """`GalaxyID` and the 37 columns, for each test galaxy of the revision.

        Raises:
            GalaxyError: the revision has no such model.
        """
        if model not in self.models:
            raise GalaxyError(f"{self.name} has no model {model!r}; it has {', '.join(self.models)}")
        return self._table(f"{PREDICTIONS}/{model}.csv")

    @cached_property
    def votes(self) -> pd.DataFrame:
        """What the volunteers said of every labelled galaxy; the columns that `galaxy.data.galaxies` describes."""
        return self._table(VOTES)

    def _table(self, path: str) -> pd.DataFrame:
        return pd.read_csv(io.StringIO(self._ask(lambda: dvc.api.read(path, rev=self._rev), path)))

    def _ask(self, ask: Callable[[], T], wanted: str) -> T:
        try:
            return ask()
        except Exception as error:  # DVC raises whatever its parts raise
            raise GalaxyError(
                f"{self.name}: no {wanted}: {describe(error)}; "
                "name a revision or experiment in which dvc repro has run (dvc exp show lists them)"
            ) from None
