"""Turn a task's data into split sets of examples, and count identical images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.tasks import duplicates, sources
from galaxy.tasks.examples import UNUSED, Examples
from galaxy.tasks.params import HELD_OUT, LABELLED, UNLABELLED, Split, TaskParams
from galaxy.tasks.readers import Collected
from galaxy.tasks.split import split


@dataclass(frozen=True)
class Prepared:
    """Data sets by name (`labelled`, `held_out`, `unlabelled`), and counts of identical images in the labelled ones."""

    examples: dict[str, Examples]
    identical: dict[str, dict[str, int]]

    def write(self, folder: Path) -> None:
        """Write each data set into a folder of its name."""
        for name, examples in self.examples.items():
            examples.write(folder / name)


def prepare(options: TaskParams, downloads: Path) -> Prepared:
    """Collect a task's data (`sources.collect`), find identical images, and split (`split.split`)."""
    data, source = sources.collect(options.data, downloads)
    prepared = Prepared({}, {})
    if options.held_out is None:
        _add(prepared, LABELLED, data, source, options.split)
        if data.unlabelled is not None:
            table = pd.DataFrame({"name": data.unlabelled_names})
            prepared.examples[UNLABELLED] = Examples(data.unlabelled, table, data.classes, source)
    else:
        first_held_out = len(data.classes) - options.held_out.classes
        _add(prepared, LABELLED, _part(data, 0, first_held_out), source, options.split)
        _add(prepared, HELD_OUT, _part(data, first_held_out, len(data.classes)), source, options.held_out)
    return prepared


def _part(data: Collected, first: int, end: int) -> Collected:
    """Return the images of the classes from `first` to before `end`."""
    rows = np.flatnonzero((data.labels >= first) & (data.labels < end))
    names = [data.names[i] for i in rows]
    return Collected(data.images[rows], names, data.labels[rows] - first, data.classes[first:end], data.own_test[rows])


def _add(prepared: Prepared, name: str, data: Collected, source: dict[str, object], sizes: Split) -> None:
    """Split the images outside the data's own test set, without those that are identical to one in it."""
    images, own_test = data.images, data.own_test
    if data.unlabelled is not None:
        images = np.concatenate([images, data.unlabelled])
        own_test = np.append(own_test, np.ones(len(data.unlabelled), bool))
    group = duplicates.groups(images)
    sets = np.full(len(data.labels), "test", dtype=object)
    out = duplicates.left_out(group, own_test)[: len(data.labels)]
    sets[out] = UNUSED
    free = np.flatnonzero(~data.own_test & ~out)
    sets[free] = split(group[free], data.labels[free], sizes)
    table = pd.DataFrame({"name": data.names, "class": np.array(data.classes, dtype=object)[data.labels], "set": sets})
    prepared.examples[name] = Examples(data.images, table, data.classes, source)
    prepared.identical[name] = duplicates.count(group, data.labels, own_test)
