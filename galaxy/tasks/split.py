"""Which images train, which choose the epoch (valid), and which are only reported on (test)."""

from typing import Any

import numpy as np

from galaxy.tasks.examples import SETS
from galaxy.tasks.examples import UNUSED
from galaxy.tasks.params import Split
from galaxy.core.errors import GalaxyError


def split(group: np.ndarray, sizes: Split) -> np.ndarray:
    """Assign images to sets by a seeded permutation; identical images go to the same.

    Args:
        group: N numbers, the same for identical images.
        sizes: how many images each set gets; of fewer than these together, each gets the same share.

    Returns:
        N names of sets: those that are asked for, and `unused` for what is left over of more images than that.

    Raises:
        GalaxyError: there are too few images.
    """
    asked = np.array([sizes.train, sizes.valid, sizes.test])
    room = asked if len(group) >= asked.sum() else _shares(asked, len(group))
    # Groups that fit no more train where all images are wanted.
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
    """`count` divided in the proportion of `asked`; what rounding leaves goes to the first."""
    room = asked * count // asked.sum()
    room[0] += count - room.sum()
    return room


def balanced(rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The rows, and after them rows of the smaller classes again, drawn evenly, until all classes have as many.

    Args:
        rows: M rows; labels: the class of every row that there is.
    """
    draw = np.random.default_rng(seed)
    of_class: dict[Any, np.ndarray] = {label: rows[labels[rows] == label] for label in np.unique(labels[rows])}
    most = max(map(len, of_class.values()))
    extra = [
        np.concatenate([draw.permutation(own) for _ in range(most // len(own))])[: most - len(own)]
        for own in of_class.values()
    ]
    return np.concatenate([rows, *extra])
