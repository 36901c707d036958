"""Assign images to train, valid (chooses the epoch) and test (only scores), each kind of label in each set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from galaxy.core.errors import GalaxyError
from galaxy.data.split import SETS
from galaxy.tasks.split import assign


def draw(strata: np.ndarray, groups: np.ndarray, shares: dict[str, float], seed: int) -> np.ndarray:
    """Assign each image to a set, the same share of each stratum to each; identical images go to the same set.

    Args:
        strata: N numbers of the kind of label.
        groups: N numbers, equal for identical images.
        shares: of valid and test, by name; train gets the rest.

    Returns:
        N names of sets.
    """
    scored = [round(len(groups) * shares.get(name, 0)) for name in SETS[1:]]
    return assign(groups, strata, np.array([len(groups) - sum(scored), *scored]), SETS[0], seed)


def read(cells: Sequence[object], column: str) -> dict[int, str]:
    """Return by row why a list's own sets cannot be used: each row must say train, valid or test."""
    return {
        row: f"{column} is {str(cell)!r}; it may be {', '.join(SETS)}"
        for row, cell in enumerate(cells)
        if cell not in SETS
    }


def require_all(sets: np.ndarray, where: str) -> None:
    """Raise GalaxyError unless there are images in each set."""
    if empty := [name for name in SETS if name not in sets]:
        raise GalaxyError(
            f"{where}: of {len(sets)} images none is left for {', '.join(empty)}; add images, or change the section "
            "split or the column that target.split names"
        )


def part(strata: np.ndarray, sets: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Choose `count` images of train and valid, in the proportion of both sets and of the strata; return their rows.

    A smaller choice is a part of a larger one.
    """
    rows = np.flatnonzero(np.isin(sets, ("train", "valid")))
    order = np.random.default_rng(seed).permutation(rows)
    key = pd.DataFrame({"set": sets[order], "stratum": strata[order]})
    place = (key.groupby(["set", "stratum"]).cumcount() + 0.5) / key.groupby(["set", "stratum"])["set"].transform(
        "size"
    )
    return np.sort(order[np.argsort(place.to_numpy(), kind="stable")[:count]])
