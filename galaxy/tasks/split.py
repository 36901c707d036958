"""Assign images to train, valid (choose the epoch) and test (only for the final scores), and balance classes."""

import numpy as np

from galaxy.core.errors import GalaxyError
from galaxy.data.split import SETS
from galaxy.tasks.examples import UNUSED
from galaxy.tasks.params import Split

FEWEST = 2
"""Images of a class that a set should get by its share; with fewer, each set gets one of the class for sure."""


def split(group: np.ndarray, labels: np.ndarray, sizes: Split) -> np.ndarray:
    """Assign images to sets by a seeded draw, see `assign`.

    Args:
        group: N numbers, equal for identical images.
        labels: N numbers of classes.
        sizes: the number of images per set. If there are fewer images, each set gets the same share of them.

    Returns:
        N names of sets; `unused` for images beyond the sizes.

    Raises:
        GalaxyError: there are too few images.
    """
    asked, count = np.array([sizes.train, sizes.valid, sizes.test]), len(group)
    room = asked if count >= asked.sum() else _shares(asked, count)
    # Images that fit nowhere go to train if all are wanted.
    assigned = assign(group, labels, room, UNUSED if count > asked.sum() else "train", sizes.seed)
    empty = [name for name, size in zip(SETS, asked, strict=True) if size and name not in assigned]
    if empty:
        raise GalaxyError(
            f"split: of {count} images none is left for {', '.join(empty)} "
            f"({sizes.train}, {sizes.valid}, {sizes.test} asked); change the sizes or add images"
        )
    return assigned


def assign(group: np.ndarray, strata: np.ndarray, room: np.ndarray, rest: str, seed: int) -> np.ndarray:
    """Fill the sets with the same share of each stratum; identical images go to the same set.

    A stratum that is too small for that has one image in each set, if it has enough different ones.

    Args:
        group: N numbers, equal for identical images.
        strata: N numbers, of classes or other kinds of label; the first of identical images counts.
        room: the number of images that each of `SETS` takes.
        rest: the name for images that fit nowhere.
        seed: of the draw.

    Returns:
        N names of sets.
    """
    draw = np.random.default_rng(seed)
    group = np.unique(group, return_inverse=True)[1]
    members = np.bincount(group)
    stratum = np.empty(len(members), np.int64)
    stratum[group[::-1]] = strata[::-1]
    of_stratum = [draw.permutation(np.flatnonzero(stratum == one)) for one in np.unique(stratum)]
    left, chosen = np.append(room, len(group)), np.full(len(members), -1)

    def put(number: int, place: int) -> None:
        chosen[number] = place
        left[place] -= members[number]

    filled = np.flatnonzero(room)
    for own in sorted(of_stratum, key=len):
        if len(own) >= len(filled) and len(own) * room[filled].min(initial=len(group)) < FEWEST * len(group):
            for number, place in zip(own.tolist(), filled.tolist(), strict=False):
                if left[place] >= members[number]:
                    put(number, place)
    # Any stretch of this order has about the same share of each stratum.
    places = [(np.arange(len(own)) + draw.random()) / len(own) for own in of_stratum]
    order = np.concatenate([np.empty(0, int), *of_stratum])[np.argsort(np.concatenate([[], *places]), kind="stable")]
    for number in order[chosen[order] < 0]:
        put(number, int(np.flatnonzero(left >= members[number])[0]))
    return np.array([*SETS, rest], dtype=object)[chosen[group]]


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
