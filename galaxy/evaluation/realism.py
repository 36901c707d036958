"""How much your galaxies resemble the competition's: numbers of their labels and pictures, compared with the real ones.

The real numbers are in `galaxy.evaluation.real_galaxies`. Simulated galaxies must stay within limits; a part of the
real ones, or your own, are measured in the same way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from galaxy.core import competition, decision_tree, metrics
from galaxy.core.errors import GalaxyError, describe
from galaxy.core.runtime import progress
from galaxy.evaluation import real_galaxies
from galaxy.evaluation.baselines import BASELINES
from galaxy.ingest import archives, zips
from galaxy.ingest.decode import BadImageError, Cropper

MOST_PICTURES = 2000
"""Most pictures to measure, drawn with a fixed seed: they give means to within a fiftieth of the spread."""

CENTRE = 212
"""Side of the central square, in pixels; outside it is mostly sky."""

LIMITS = (
    ("rmse_all_zeros", 0.02),
    ("rmse_", 0.03),
    ("mean_Class", 0.02),
    ("spread_Class", 0.25),
    ("median_jpeg_bytes", 0.25),
    ("", 0.15),
)
"""How far a simulated quantity may deviate, by the start of its name; the first that fits counts, the last: pixels."""


@dataclass(frozen=True)
class Pictures:
    """Measurements of N pictures.

    Attributes:
        sizes: N, of the JPEGs, in bytes.
        colours: N×3, mean colour of the central 10×10 pixels.
        centre, outside: N×2×3, mean and mean square of red, green and blue, inside and outside the central square.
    """

    sizes: np.ndarray
    colours: np.ndarray
    centre: np.ndarray
    outside: np.ndarray


def measure_pictures(path: Path, ids: np.ndarray) -> Pictures:
    """Measure the pictures of these galaxies in a zip.

    Raises:
        GalaxyError: a picture cannot be used.
    """
    members = archives.image_members(path)
    side = competition.IMAGE_SIZE
    whole, low = Cropper(side, side, side), (side - CENTRE) // 2
    cv2.setNumThreads(1)  # there is one thread per core already
    with archives.open_zip(path) as archive, progress(f"measure {path.stem}", len(ids)) as bar:

        def one(galaxy_id: int) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
            try:
                jpeg = zips.read_member(archive, members[galaxy_id], archives.LARGEST_IMAGE)
                image, colour = whole(jpeg)
            except (BadImageError, BadZipFile) as error:
                raise GalaxyError(f"{path}: {members[galaxy_id]}: {describe(error)}; fetch the images again") from None
            inner, all_pixels = _moments(image[low : low + CENTRE, low : low + CENTRE]), _moments(image)
            return len(jpeg), colour, inner, (all_pixels * side**2 - inner * CENTRE**2) / (side**2 - CENTRE**2)

        # OpenCV works outside Python's lock, so threads use all cores and start at once.
        threads = Parallel(cpu_count(), prefer="threads", return_as="generator")
        measured = []
        for values in threads(delayed(one)(galaxy_id) for galaxy_id in ids.tolist()):
            measured.append(values)
            bar.update()
    return Pictures(*map(np.array, zip(*measured, strict=True)))


def _moments(image: np.ndarray) -> np.ndarray:
    """Return the mean of each channel, and the mean of its square, 2×3."""
    mean, spread = cv2.meanStdDev(image)
    return np.stack([mean[:, 0], mean[:, 0] ** 2 + spread[:, 0] ** 2])


def measure(votes: np.ndarray, pictures: Pictures, pictured: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Return all quantities to compare, by name.

    Args:
        votes: N×37.
        pictures, pictured: M pictures, and the rows of `votes` that they belong to.
        weights: N, how much each galaxy counts.
    """
    weights = weights / weights.sum()
    means = weights @ votes
    spreads = np.sqrt(weights @ np.square(votes - means))
    picture_weights = weights[pictured] / weights[pictured].sum()
    grouped = BASELINES["central_pixel"]().fit(pictures.colours, votes[pictured]).predict(pictures.colours)
    measured = {
        "rmse_all_zeros": float(np.sqrt((weights @ np.square(votes)).mean())),
        "rmse_column_means": float(np.sqrt(np.square(spreads).mean())),
        "rmse_central_pixel": metrics.rmse(grouped, votes[pictured]),
    }
    measured |= {f"mean_{column}": float(value) for column, value in zip(decision_tree.COLUMNS, means, strict=True)}
    measured |= {f"spread_{column}": float(value) for column, value in zip(decision_tree.COLUMNS, spreads, strict=True)}
    measured["median_jpeg_bytes"] = float(np.median(pictures.sizes))
    for place, moments in (("centre", pictures.centre), ("outside", pictures.outside)):
        mean, square = np.tensordot(picture_weights, moments, axes=1)
        for channel, value, spread in zip(("red", "green", "blue"), mean, np.sqrt(square - mean**2), strict=True):
            measured |= {f"mean_{place}_{channel}": float(value), f"spread_{place}_{channel}": float(spread)}
    return measured


def measure_folder(raw: Path) -> dict[str, float]:
    """Measure all labelled galaxies of the competition's files in `raw`; see `measure`."""
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    votes, ids = solutions[list(decision_tree.COLUMNS)].to_numpy(), solutions["GalaxyID"].to_numpy()
    pictured = np.sort(np.random.default_rng(0).permutation(len(ids))[:MOST_PICTURES])
    pictures = measure_pictures(competition.zip_path(raw, competition.TRAINING_IMAGES), ids[pictured])
    return measure(votes, pictures, pictured, np.ones(len(ids)))


def compare(measured: dict[str, float]) -> pd.DataFrame:
    """Compare each measured quantity with the real one: `quantity`, `real`, `here`, `deviation`, `limit`, `holds`.

    Deviations are relative to the real value, except for the means of columns, where they are differences.
    """
    table = pd.DataFrame({"quantity": list(measured), "here": list(measured.values())})
    table["real"] = [real_galaxies.REAL[name] for name in measured]
    difference = (table["here"] - table["real"]).abs()
    column_mean = table["quantity"].str.startswith("mean_Class")
    table["deviation"] = difference.where(column_mean, difference / table["real"])
    table["limit"] = [next(limit for start, limit in LIMITS if name.startswith(start)) for name in measured]
    table["holds"] = table["deviation"] <= table["limit"]
    return table[["quantity", "real", "here", "deviation", "limit", "holds"]]


def summarise(table: pd.DataFrame, source: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `metrics/calibration.json`: how many rows hold, and the baselines' RMSE."""
    here = table.set_index("quantity")["here"]
    baselines = [quantity for quantity in here.index if quantity.startswith("rmse_")]
    return {
        "source": source["source"],
        "galaxies": source["training_galaxies"],
        "rows": len(table),
        "rows_within_limit": int(table["holds"].sum()),
        "central_pixel_below_column_means": bool(here["rmse_central_pixel"] < here["rmse_column_means"]),
        "rmse": {quantity.removeprefix("rmse_"): float(here[quantity]) for quantity in baselines},
    }


def terminal_table(table: pd.DataFrame, content: dict[str, Any]) -> str:
    """Return the comparison as text for a terminal.

    It has every row that fails, the columns' worst mean and worst spread, and all rows that are not of a column.
    """
    quantity = table["quantity"]
    kinds = [quantity.str.startswith(start) for start in ("mean_Class", "spread_Class")]
    worst = [table.loc[kind, "deviation"].idxmax() for kind in kinds]
    rows = table[~quantity.str.contains("Class") | table.index.isin(worst) | ~table["holds"]]
    body = rows.to_string(index=False, float_format="{:.4g}".format)
    held = f"{content['rows_within_limit']} of {content['rows']} rows within their limit"
    if content["source"] != "simulated" and not table["holds"].all():
        held += " (limits are for simulated galaxies; a part of the competition may differ from the whole)"
    return f"{content['galaxies']:,} galaxies ({content['source']}) compared with the competition's; {held}\n{body}"
