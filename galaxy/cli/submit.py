"""Check the submission and send it to Kaggle, with its params and RMSE as the message.

It goes with Kaggle's official client (`pip install kaggle six`), logged in as that client does it. Whether it is sent
is up to you: no stage of the pipeline does it.
"""

import argparse
from pathlib import Path

from galaxy.core.errors import GalaxyError

EXAMPLES = """examples:
  galaxy submit --dry-run
  galaxy submit --message 'more views'"""

SUBMISSION = Path("data/submission/submission.csv")
RAW, PREPROCESSED = Path("data/raw"), Path("data/preprocessed")
REPORT = Path("metrics/evaluate.json")
STAGE = "make_submission"


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    parser.add_argument("--message", default="", metavar="TEXT", help="words of your own to begin the message with")


def run(arguments: argparse.Namespace) -> None:
    """Check, show and send."""
    import numpy as np

    from galaxy.core import competition
    from galaxy.ingest import archives
    from galaxy.core import files
    from galaxy.inference import kaggle_submit
    from galaxy.core import params
    from galaxy.core import source_info
    from galaxy.inference import submission

    options = params.load()
    if not SUBMISSION.is_file():
        raise GalaxyError(f"{SUBMISSION}: no such file; make it first (dvc repro)")
    _check_current()
    ids = np.array(list(archives.image_members(competition.zip_path(RAW, competition.TEST_IMAGES))))
    rows = submission.validate(SUBMISSION, ids)
    text = kaggle_submit.message(options, files.read_json(REPORT), arguments.message)
    print(f"file:        {SUBMISSION}, {rows:,} galaxies, valid")
    print(f"competition: {kaggle_submission.COMPETITION}")
    print(f"message:     {text}")
    source = source_info.read(PREPROCESSED)
    if not source["complete_competition"]:
        raise GalaxyError(
            f"{SUBMISSION} is of {rows:,} galaxies ({source['source']}), Kaggle takes only its own "
            f"{competition.TEST_GALAXIES:,}; run the pipeline on the whole competition (download.source)"
        )
    if arguments.dry_run:
        print("dry run: nothing is sent")
    else:
        kaggle_submit.send(SUBMISSION, text)
        print(f"sent; its score will be at {kaggle_submission.SUBMISSIONS_PAGE}")


def _check_current() -> None:
    """Make sure that the submission is what params and code would make now, or the message would not be true."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        changed = Repo().status(targets=[STAGE], with_deps=True)
    except DvcException as error:
        raise GalaxyError(f"DVC cannot tell whether {SUBMISSION} is current: {error}; run dvc repro") from None
    if changed:
        raise GalaxyError(f"{SUBMISSION} is out of date (changed: {', '.join(changed)}); run dvc repro first")
