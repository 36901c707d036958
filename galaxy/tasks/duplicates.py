"""Find byte-identical images, so that none is on both sides of a split."""

import hashlib

import numpy as np
import pandas as pd


def groups(images: np.ndarray) -> np.ndarray:
    """Return N group numbers, in order of first appearance; identical images have the same number."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return pd.factorize(np.array(digests, dtype=object))[0]


def count(group: np.ndarray, labels: np.ndarray, own_test: np.ndarray) -> dict[str, int]:
    """Count identical images.

    Args:
        group: M group numbers (`groups`): N labelled images first, then those without a label.
        labels: N class numbers.
        own_test: M booleans, true for images of the test set that came with the data.

    Returns:
        `identical_images`, `identical_groups`, `of_several_classes` (groups whose labels differ), and `left_out`
        (images identical to one of the test set that came with the data).
    """
    sizes = np.bincount(group)
    classes = pd.Series(labels).groupby(group[: len(labels)]).nunique()
    return {
        "identical_images": int(sizes[sizes > 1].sum()),
        "identical_groups": int((sizes > 1).sum()),
        "of_several_classes": int((classes > 1).sum()),
        "left_out": int(left_out(group, own_test).sum()),
    }


def left_out(group: np.ndarray, own_test: np.ndarray) -> np.ndarray:
    """Return N booleans: true for images outside the data's own test set that are identical to one in it."""
    return ~own_test & np.isin(group, group[own_test])
