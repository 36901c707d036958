"""Split the labelled galaxies: some train, some choose the epoch (valid), some are only scored (test)."""

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
