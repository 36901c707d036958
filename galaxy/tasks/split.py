"""Assign images to train, valid (choose the epoch) and test (only for the final scores), and balance classes."""

import numpy as np

from galaxy.core.errors import GalaxyError
from galaxy.data.split import SETS
from galaxy.tasks.examples import UNUSED
from galaxy.tasks.params import Split


def split(group: np.ndarray, sizes: Split) -> np.ndarray:
    """Assign images to sets by a seeded permutation; identical images go to the same set.

    Args:
        group: N numbers, equal for identical images.
        sizes: the number of images per set. If there are fewer images, each set gets the same share of them.

    Returns:
        N names of sets; `unused` for images beyond the sizes.

    Raises:
        GalaxyError: there are too few images.
    """
    asked = np.array([sizes.train, sizes.valid, sizes.test])
    room = asked if len(group) >= asked.sum() else _shares(asked, len(group))
    # Groups that fit nowhere go to train if all images are wanted.
    names = np.array([*SETS, UNUSED if len(group) > asked.sum() else "train"], dtype=object)
    order = np.random.default_rng(sizes.seed).permutation(group.max(initial=-1) + 1)
    members = np.bincount(group)
    chosen = np.empty(len(order), dtype=object)
    left = np.append(room, len(group))
    for number in order:
        fits = int(np.flatnonzero(left >= members[number])[0])
        chosen[number] = names[fits]
        left[fits] -= members[number]
    assigned = chosen[group] if len(group) else names[:0]
    empty = [name for name, size in zip(SETS, asked, strict=True) if size and name not in assigned]
    if empty:
        raise GalaxyError(
            f"split: of {len(group)} images none is left for {', '.join(empty)} "
            f"({sizes.train}, {sizes.valid}, {sizes.test} asked); change the sizes or add images"
        )
    return assigned


def _shares(asked: np.ndarray, count: int) -> np.ndarray:
    """Divide `count` in the proportion of `asked`; the first share gets the remainder."""
    room = asked * count // asked.sum()
    room[0] += count - room.sum()
    return room


def balanced(rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Append rows of the smaller classes again, drawn evenly, until all are equal; `labels` has the class by row."""
    draw = np.random.default_rng(seed)
    of_class = [rows[labels[rows] == label] for label in np.unique(labels[rows])]
    most = max(map(len, of_class))
    balanced_rows = [rows]
    for own in of_class:
        repeats = [draw.permutation(own) for _ in range(most // len(own))]
        balanced_rows.append(np.concatenate(repeats)[: most - len(own)])
    return np.concatenate(balanced_rows)
