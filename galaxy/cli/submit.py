"""Check the submission and send it to Kaggle, with its params and RMSE as the message.

It is sent with Kaggle's official client (`pip install kaggle six`), with the client's own log-in. Only this command
sends it; no stage of the pipeline does.
"""

import argparse
from typing import TYPE_CHECKING

from galaxy.core.errors import GalaxyError
from galaxy.core.paths import PATHS

if TYPE_CHECKING:
    from galaxy.core.params import Params

EXAMPLES = """examples:
  galaxy submit --dry-run
  galaxy submit --message 'more views'"""

STAGE = "make_submission"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent and what would be refused, and send nothing"
    )
    parser.add_argument("--message", default="", metavar="TEXT", help="words of your own to begin the message with")


def run(arguments: argparse.Namespace) -> None:
    """Print what is to be sent, check it, and send it; a dry run names all that would be refused instead."""
    from galaxy.core import files, params
    from galaxy.inference import kaggle_submit

    options = params.load()
    if not PATHS.submission.is_file():
        raise GalaxyError(f"{PATHS.submission}: no such file; make it first (dvc repro)")
    text = kaggle_submit.message(options, files.read_json(PATHS.evaluation), arguments.message)
    print(f"competition: {kaggle_submit.COMPETITION}\nmessage:     {text}")
    for check in (_check_current, _check_file):
        try:
            check(options)
        except GalaxyError as error:
            if not arguments.dry_run:
                raise
            print(f"would be refused: {error}")
    if arguments.dry_run:
        print("dry run: nothing is sent")
    else:
        kaggle_submit.send(PATHS.submission, text)
        print(f"sent; its score will be at {kaggle_submit.SUBMISSIONS_PAGE}")


def _check_file(_: "Params") -> None:
    """Check the file's format, print its size, and check that it is the whole competition's."""
    import numpy as np

    from galaxy.core import competition, source_info
    from galaxy.inference import submission
    from galaxy.ingest import archives

    ids = np.array(list(archives.image_members(competition.zip_path(PATHS.raw, competition.TEST_IMAGES))))
    rows = submission.validate(PATHS.submission, ids)
    print(f"file:        {PATHS.submission}, {rows:,} galaxies, valid")
    source = source_info.read(PATHS.preprocessed)
    if not source["complete_competition"]:
        raise GalaxyError(
            f"{PATHS.submission} holds {rows:,} galaxies ({source['source']}), but Kaggle takes only its own "
            f"{competition.TEST_GALAXIES:,}; run the pipeline on the whole competition (download.source)"
        )


def _check_current(options: "Params") -> None:
    """Check that params, code and files would make the same submission now; if not, the message would be wrong."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    from galaxy.core import outside

    try:
        changed = Repo().status(targets=[STAGE], with_deps=True)
    except DvcException as error:
        raise GalaxyError(f"DVC cannot tell whether {PATHS.submission} is current: {error}; run dvc repro") from None
    if outside.is_noted(options) and changed.get("outside") == ["always changed"]:
        del changed["outside"]  # it always runs, because DVC does not watch what it looks at
    if changed:
        raise GalaxyError(f"{PATHS.submission} is out of date (changed: {', '.join(changed)}); run dvc repro first")
