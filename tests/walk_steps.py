"""What a walk through the pages' commands consists of, see walks.py, and the steps that many walks share."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """A command as a page shows it.

    Attributes:
        instead: what stands for the reader's own words.
        more: words that make it short.
        folder: where it runs: in the project, a recipe or a task; or `../` for a folder beside the project.
        prints: what it must print; if it fails, the reason.
        fails: it must end with an error.
    """

    command: str
    instead: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    folder: str = "."
    prints: str = ""
    fails: bool = False


@dataclass(frozen=True)
class Own:
    """What no page shows, for a shell: preparations, and checks of what a command did."""

    command: str


Step = Run | Own

COMMIT = Own("git add --all && git commit --quiet --message state")
BACK = (Run("git checkout ."), Run("dvc checkout"))
ENDED = Own("until ! dvc queue status | grep -E 'Queued|Running'; do sleep 2; done")
WAIT = Own(f"{ENDED.command}; ! dvc queue status | grep Failed")
UP_TO_DATE = "Data and pipelines are up to date"
CURRENT = Own(f"dvc status $(dvc stage list --name-only | grep -v outside) | grep '{UP_TO_DATE}'")
"""Nothing is out of date; `outside` always runs."""


def smaller(folder: str) -> Own:
    """Make the trainings of a recipe short."""
    return Own(f"cd {folder} && python ../../smaller.py")
