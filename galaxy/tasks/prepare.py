"""From a task's data to packed, split sets, with a report of identical images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.tasks import duplicates
from galaxy.tasks import sources
from galaxy.tasks.examples import UNUSED
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Galaxy10Params
from galaxy.tasks.params import Split
from galaxy.tasks.params import TaskParams
from galaxy.tasks.readers import Collected
from galaxy.tasks.split import split

LABELLED, HELD_OUT, UNLABELLED = "labelled", "held_out", "unlabelled"


@dataclass(frozen=True)
class Prepared:
    """Sets by name (`labelled`; `held_out` classes; `unlabelled`), and what was found of identical images."""

    examples: dict[str, Examples]
    identical: dict[str, dict[str, int]]

    def write(self, folder: Path) -> None:
        """Each set into a folder of its name."""
        for name, examples in self.examples.items():
            examples.write(folder / name)


def prepare(task: str, options: TaskParams, downloads: Path) -> Prepared:
    """Collect a task's data, find identical images, split.

    Raises:
        GalaxyError: see `sources.collect` and `splits.split`.
    """
    data, source = sources.collect(task, options.data, downloads)
    if not isinstance(options, Galaxy10Params):
        examples, identical = _split(data, source, options.split)
        sets = {LABELLED: examples}
        if data.unlabelled is not None:
            table = pd.DataFrame({"name": data.unlabelled_names})
            sets[UNLABELLED] = Examples(data.unlabelled, table, data.classes, source)
        return Prepared(sets, {LABELLED: identical})
    kept = len(data.classes) - options.held_out.classes
    parts = {LABELLED: (0, kept, options.split), HELD_OUT: (kept, len(data.classes), options.held_out)}
    found = {name: _split(_part(data, first, end), source, sizes) for name, (first, end, sizes) in parts.items()}
    return Prepared({name: one for name, (one, _) in found.items()}, {name: same for name, (_, same) in found.items()})


def _part(data: Collected, first: int, end: int) -> Collected:
    """The images of the classes from `first` to before `end`."""
    rows = np.flatnonzero((data.labels >= first) & (data.labels < end))
    names = [data.names[i] for i in rows]
    return Collected(data.images[rows], names, data.labels[rows] - first, data.classes[first:end], data.own_test[rows])


def _split(data: Collected, source: dict[str, object], sizes: Split) -> tuple[Examples, dict[str, int]]:
    """Assign the images outside the data's own test set; those identical to an image in it are left out."""
    everything, own_test = [data.images], data.own_test
    if data.unlabelled is not None:
        everything.append(data.unlabelled)
        own_test = np.append(own_test, np.ones(len(data.unlabelled), bool))
    group = duplicates.groups(np.concatenate(everything))
    sets = np.full(len(data.labels), "test", dtype=object)
    out = duplicates.left_out(group, own_test)[: len(data.labels)]
    sets[out] = UNUSED
    free = np.flatnonzero(~data.own_test & ~out)
    sets[free] = split(pd.factorize(group[free])[0], sizes)
    table = pd.DataFrame({"name": data.names, "class": np.array(data.classes, dtype=object)[data.labels], "set": sets})
    return Examples(data.images, table, data.classes, source), duplicates.report(group, data.labels, own_test)
