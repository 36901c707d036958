"""Split the labelled galaxies: some train, some choose the epoch (valid), some are only scored (test).

With folds there is a split for each: its galaxies are the test, a share of the others is valid, and the rest trains.
"""

import numpy as np
import pandas as pd

from galaxy.core.errors import GalaxyError

SETS = ("train", "valid", "test")


def split(ids: np.ndarray, test: float, valid: float, seed: int) -> pd.DataFrame:
    """Assign each galaxy to a set by a seeded permutation.

    Args:
        ids: N GalaxyIDs.
        test, valid: shares of N; the rest trains. `test` may be 0.

    Returns:
        `GalaxyID` and `Set` (one of `SETS`), in the order of `ids`.

    Raises:
        GalaxyError: a set would be empty.
    """
    sizes = {"test": round(test * len(ids)), "valid": round(valid * len(ids))}
    sizes["train"] = len(ids) - sum(sizes.values())
    empty = [name for name in SETS if sizes[name] < 1 and not (name == "test" and test == 0)]
    if empty:
        raise GalaxyError(
            f"split: of {len(ids)} galaxies none is left for {', '.join(empty)} "
            f"(split.test {test:g}, split.valid {valid:g}); change the shares or add galaxies"
        )
    sets = np.repeat(["test", "valid", "train"], [sizes["test"], sizes["valid"], sizes["train"]])
    order = np.random.default_rng(seed).permutation(len(ids))
    assigned = np.empty(len(ids), dtype=object)
    assigned[order] = sets
    return pd.DataFrame({"GalaxyID": ids, "Set": assigned})


def deal(ids: np.ndarray, folds: int, valid: float, seed: int) -> pd.DataFrame:
    """Deal the galaxies into folds of equal size by a seeded permutation, and split those outside of each fold.

    Args:
        ids: N GalaxyIDs.
        valid: share of N that chooses the epoch of each fold's training.

    Returns:
        `GalaxyID`, `Fold`, and the set of each galaxy in the training of each fold, `Set0`, `Set1` …

    Raises:
        GalaxyError: a set would be empty.
    """
    if len(ids) < folds:
        raise GalaxyError(f"split: {len(ids)} galaxies cannot be dealt into {folds} folds; lower split.folds")
    dealt = np.empty(len(ids), dtype=int)
    dealt[np.random.default_rng(seed).permutation(len(ids))] = np.arange(len(ids)) % folds
    table = pd.DataFrame({"GalaxyID": ids, "Fold": dealt})
    for fold in range(folds):
        rest = dealt != fold
        share = valid * len(ids) / rest.sum()
        sets = np.full(len(ids), "test", dtype=object)
        sets[rest] = split(ids[rest], 0, share, seed + fold)["Set"]
        table[f"Set{fold}"] = sets
    return table


def of_fold(table: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Return the split of one fold from what `deal` returned: `GalaxyID` and `Set`."""
    return table[["GalaxyID", f"Set{fold}"]].rename(columns={f"Set{fold}": "Set"})
