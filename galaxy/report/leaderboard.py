"""The competition's private leaderboard of 2014, to see where a score would have stood."""

from typing import Any

from galaxy.core.competition import TRAINING_GALAXIES

FIRST = ((1, "Dieleman", 0.07492), (2, "Milakov", 0.07753), (3, "tund", 0.07869))
TENTH, MEDIAN = 0.083, 0.13
"""Rounded scores of the tenth place and the median; all scores are from the competition's leaderboard page."""


def standing(rmse: float) -> str:
    """Return where an RMSE would have stood on the private leaderboard."""
    for place, name, score in FIRST:
        if rmse < score:
            return f"before place {place} ({name}, {score})"
    if rmse < TENTH:
        return "among the first ten"
    return "in the upper half" if rmse < MEDIAN else "near the middle or below"


def why_not(source: dict[str, Any]) -> str | None:
    """Return why scores on these galaxies cannot be compared with the leaderboard; None if they can.

    Args:
        source: the content of `source.json` (`galaxy.core.source_info`).
    """
    if source["complete_competition"]:
        return None
    if source["source"] == "simulated":
        return "the galaxies are simulated, and the leaderboard is for real ones"
    galaxies = f"{source['training_galaxies']:,} of its {TRAINING_GALAXIES:,} labelled galaxies"
    return f"the data is not the whole competition ({galaxies})"
