"""Send a submission to Kaggle with the official client and a message that says how it was made."""

from functools import partial
from pathlib import Path
from typing import Any

from galaxy.core.errors import GalaxyError
from galaxy.core.params import BEST, Params
from galaxy.ingest.kaggle_client import COMPETITION, call, explain, log_in

SUBMIT_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/submit"
SUBMISSIONS_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/submissions"
BY_HAND = f"upload the file by hand at {SUBMIT_PAGE}"

LONGEST = 500
"""Most characters of a message; the rest is cut off."""


def message(options: Params, evaluation: dict[str, Any], words: str = "") -> str:
    """Return the message: the models, their most important params, and their RMSE on the project's own test galaxies.

    Args:
        evaluation: the content of `metrics/evaluate.json`.
        words: the user's own words, which come first.
    """
    settings = options.make_submission
    chosen = evaluation["best"] if settings.model == BEST else settings.model
    names, models = [chosen], chosen
    if chosen not in options.models:  # an ensemble
        names = list(options.models)
        models = f"{chosen} of {', '.join(names)}"
    if options.train_folds is not None:
        models += f", mean over {len(options.train_folds)} folds"
    parts = [words] if words else []
    parts += [
        f"{models}, {_views(settings.views)}",
        f"RMSE {evaluation['rmse'][chosen]:.5f} on {evaluation['galaxies']} own {evaluation['scored_on']} galaxies, "
        f"{_views(options.evaluate.views)}",
    ]
    parts += [f"{name}: {_training(options, name)}" for name in names]
    parts.append(f"crop {options.preprocess.crop}, size {options.preprocess.size}")
    text = "; ".join(parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _training(options: Params, name: str) -> str:
    train = options.models[name]
    start = "pretrained" if train.pretrained else f"from {train.weights}" if train.weights else "from scratch"
    return f"{train.model} {start}, {train.epochs} epochs, {train.optimizer} {train.learning_rate:g}, seed {train.seed}"


def _views(views: Any) -> str:
    count = views.rotations * (1 + views.flip) * len(views.zooms)
    return "1 view" if count == 1 else f"{count} views"


def send(path: Path, text: str) -> None:
    """Send a checked submission with its message.

    Raises:
        GalaxyError: the client is not installed, nobody is logged in, or Kaggle does not accept the file.
    """
    api = log_in(BY_HAND)
    answer = call(
        partial(api.competition_submit, str(path), text, COMPETITION),
        partial(explain, wanted="submission", by_hand=BY_HAND),
    )
    if answer.message == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise GalaxyError(f"Kaggle: {path} did not arrive; try again later, or {BY_HAND}")
