"""Read a list and its images, check each row, assign the images to sets, and pack them."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from galaxy.core import files, outside
from galaxy.core.errors import list_problems
from galaxy.core.runtime import say
from galaxy.inference import find_images, lists, read_ahead
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.fits import FitsOptions
from galaxy.inference.read_image import Crop, Reader
from galaxy.inference.sources import Source
from galaxy.own_labels import example, params, split, targets
from galaxy.own_labels.labelled import WHOLE, Labelled
from galaxy.own_labels.params import Data, OwnLabels
from galaxy.own_labels.targets import Labels
from galaxy.tasks import duplicates
from galaxy.tasks.examples import UNUSED, Examples


class Prepared(NamedTuple):
    """The images with labels, their groups of identical ones, and what was left out: `line`, `image`, `problem`."""

    data: Labelled
    groups: np.ndarray
    left_out: pd.DataFrame


def prepare(options: OwnLabels) -> Prepared:
    """Read the list that the options name, and all its images.

    Raises:
        GalaxyError: the list cannot be read; a row cannot be used, and the options do not say to leave it out; or a set
            would be empty.
    """
    if options.data.source == "local":
        return _read(options, params.local(options.data))
    with tempfile.TemporaryDirectory() as folder:
        return _read(options, example.write(Path(folder)))


def _read(options: OwnLabels, path: Path) -> Prepared:
    data, target = options.data, options.target
    listing = lists.read(path)
    columns = listing.columns
    labels, problems = targets.read(columns, target, listing.where)
    if target.split is not None:
        targets.require_columns(columns, [target.split], "target.split", listing.where)
        problems |= split.read(columns[target.split].tolist(), target.split) | problems
    place = path.parent if data.images is None else outside.locate(data.images)
    sources = find_images.in_list(listing, place)
    usable = np.setdiff1d(np.arange(len(sources)), list(problems))
    images, unreadable = _images(data, [sources[row] for row in usable])
    problems |= {int(usable[row]): problem for row, problem in unreadable.items()}
    left_out = pd.DataFrame(
        [(row + 2, sources[row].name, problems[row]) for row in sorted(problems)], columns=["line", "image", "problem"]
    )
    if problems and data.bad_rows == "stop":
        named = [f"line {line}, {image}: {problem}" for line, image, problem in left_out.itertuples(index=False)]
        advice = "Correct or remove them, or set data.bad_rows to leave_out."
        raise list_problems(f"{listing.where}: rows that cannot be used", named, advice)
    kept = np.setdiff1d(np.arange(len(usable)), list(unreadable))
    images, rows = images[kept], usable[kept]
    catalogue = Catalogue(sources, []).table(0, len(sources)).iloc[rows].reset_index(drop=True)
    labels = labels.of(rows)
    groups = duplicates.groups(images)
    sets = _sets(options, columns, rows, groups, labels, listing.where)
    source: dict[str, Any] = {"source": "simulated" if data.source == "example" else data.source}
    source |= {
        "list": path.name,
        "sha256": files.sha256(path),
        "crop": round(WHOLE * data.crop),
        "kind": labels.kind,
        "columns": target.columns,
        "questions": labels.questions,
    }
    table = pd.DataFrame({"name": catalogue[lists.FILE], "class": _class_names(labels), "set": sets})
    return Prepared(Labelled(Examples(images, table, labels.outputs, source), labels, catalogue), groups, left_out)


def _images(data: Data, sources: Sequence[Source]) -> tuple[np.ndarray, dict[int, str]]:
    """Read the images; return N×size×size×3 uint8, and by row why some cannot be read."""
    reader = Reader(Crop(data.crop), data.size, FitsOptions(data.fits_scale, data.hdu, data.bands, data.survey))
    pixels, problems, warned = read_ahead.read_images(sources, reader, strict=False)
    for row, sentences in warned.items():
        for warning in sentences:
            say(f"warning: {sources[row].name}: {warning}")
    return pixels, problems


def _sets(
    options: OwnLabels, columns: pd.DataFrame, rows: np.ndarray, groups: np.ndarray, labels: Labels, where: str
) -> np.ndarray:
    """Return the set of each image. An image that is identical to one of a later set in the list's own is unused."""
    if options.target.split is None:
        shares = {"test": options.split.test, "valid": options.split.valid}
        sets = split.draw(labels.strata, groups, shares, options.split.seed)
    else:
        sets = columns[options.target.split].to_numpy(object)[rows]
        for scoring in ("test", "valid"):
            sets[(sets != scoring) & (sets != "test") & np.isin(groups, groups[sets == scoring])] = UNUSED
    split.require_all(sets, where)
    return sets


def _class_names(labels: Labels) -> np.ndarray:
    """Return each image's class; for counts the answer with most votes, for other numbers "all"."""
    if labels.kind in ("fraction", "number"):
        return np.full(len(labels.values), "all", dtype=object)
    return np.array(labels.outputs, dtype=object)[labels.strata]
