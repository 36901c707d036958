"""Byte-identical images: found, reported, and never on both sides of a split."""

import hashlib

import numpy as np
import pandas as pd


def groups(images: np.ndarray) -> np.ndarray:
    """N group numbers, in the order of first appearance: images have the same where all of their bytes are equal."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return pd.factorize(np.array(digests, dtype=object))[0]


def report(group: np.ndarray, labels: np.ndarray, own_test: np.ndarray) -> dict[str, int]:
    """How many images are identical to another.

    Args:
        group: M group numbers (`groups`), of N labelled images and those after them that have no label.
        labels: N numbers of classes.
        own_test: M booleans, whether an image is in a test set that came with the data.

    Returns:
        `identical_images` (in groups of two and more), `identical_groups`, `of_several_classes` (groups whose labels
        differ), and `left_out` (images identical to one of the test set that came with the data).
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
    """N booleans: whether an image outside the data's own test set is identical to one in it."""
    return ~own_test & np.isin(group, group[own_test])
