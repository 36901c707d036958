"""The competition's leaderboard of 2014, to see where a score would have stood.

Private scores: the competition's leaderboard page; the tenth and the median are rounded.
"""

from typing import Any

from galaxy.core.competition import TRAINING_GALAXIES

FIRST = ((1, "Dieleman", 0.07492), (2, "Milakov", 0.07753), (3, "tund", 0.07869))
TENTH, MEDIAN = 0.083, 0.13
"""About the tenth place; the median was a little above 0.13."""


def standing(rmse: float) -> str:
    """Where that RMSE would have stood on the private leaderboard."""
    for place, name, score in FIRST:
        if rmse < score:
            return f"before place {place} ({name}, {score})"
    if rmse < TENTH:
        return "among the first ten"
    return "in the upper half" if rmse < MEDIAN else "near the middle or below"


def why_not(source: dict[str, Any]) -> str | None:
    """Why scores on these galaxies cannot be compared with the leaderboard; None where they can.

    Args:
        source: what `source.json` holds (`galaxy.core.source_info`).
    """
    if source["complete_competition"]:
        return None
    if source["source"] == "simulated":
        return "the galaxies are simulated, and the leaderboard is of real ones"
    galaxies = f"{source['training_galaxies']:,} of its {TRAINING_GALAXIES:,} labelled galaxies"
    return f"the data is not the whole competition ({galaxies})"
