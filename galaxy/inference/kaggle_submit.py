"""Sending a submission to Kaggle, through the official client, with a message that says what made it."""

from functools import partial
from pathlib import Path
from typing import Any

from galaxy.core.errors import GalaxyError
from galaxy.ingest.kaggle_client import COMPETITION
from galaxy.ingest.kaggle_client import call
from galaxy.ingest.kaggle_client import explain
from galaxy.ingest.kaggle_client import log_in
from galaxy.core.params import BEST
from galaxy.core.params import MEAN
from galaxy.core.params import WEIGHTED
from galaxy.core.params import Params

SUBMIT_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/submit"
SUBMISSIONS_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/submissions"

BY_HAND = f"upload the file by hand at {SUBMIT_PAGE}"

LONGEST = 500
"""Characters of a message; what is beyond them is cut off."""


def message(options: Params, report: dict[str, Any], words: str = "") -> str:
    """What made the submission: the models, their params that matter most, and their RMSE on the project's own test.

    Args:
        report: what `metrics/evaluate.json` holds.
        words: the user's own, to begin with.
    """
    how = options.make_submission
    chosen = report["best"] if how.model == BEST else how.model
    several = chosen in (MEAN, WEIGHTED)
    names = list(options.models) if several else [chosen]
    views, scored = (_count(stage.views) for stage in (how, options.evaluate))
    parts = [
        f"{chosen}{' of ' + ', '.join(names) if several else ''}, {_views(views)}",
        f"RMSE {report['rmse'][chosen]:.5f} on {report['galaxies']} own {report['scored_on']} galaxies, "
        f"{_views(scored)}",
        *(f"{name}: {_training(options, name)}" for name in names),
        f"crop {options.preprocess.crop}, size {options.preprocess.size}",
    ]
    text = "; ".join([words, *parts] if words else parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _training(options: Params, name: str) -> str:
    train = options.models[name]
    start = "pretrained" if train.pretrained else f"from {train.weights}" if train.weights else "from scratch"
    return f"{train.model} {start}, {train.epochs} epochs, {train.optimizer} {train.learning_rate:g}, seed {train.seed}"


def _count(views: Any) -> int:
    return views.rotations * (1 + views.flip) * len(views.zooms)


def _views(count: int) -> str:
    return "1 view" if count == 1 else f"{count} views"


def send(path: Path, text: str) -> None:
    """Send a submission, already checked, with its message.

    Raises:
        GalaxyError: the client is not installed, there is no log-in, or Kaggle does not take the file.
    """
    api = log_in(BY_HAND)
    answer = call(
        partial(api.competition_submit, str(path), text, COMPETITION),
        partial(explain, wanted="submission", by_hand=BY_HAND),
    )
    if answer.message == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise GalaxyError(f"Kaggle: {path} did not arrive; try again later, or {BY_HAND}")
