"""How like the competition's galaxies are those at hand: their labels and pictures in numbers, beside the real ones.

The numbers to compare with are in `galaxy.evaluation.real_galaxies`. Simulated galaxies are held to limits; other galaxies (a part of
the real ones, or one's own) are measured just the same.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from galaxy.core import competition
from galaxy.ingest import archives
from galaxy.core import metrics
from galaxy.evaluation import real_galaxies
from galaxy.core import decision_tree
from galaxy.evaluation.baselines import BASELINES
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.ingest.decode import BadImageError
from galaxy.ingest.decode import Cropper

MOST_PICTURES = 2000
"""Pictures are measured on so many galaxies at most, drawn by a fixed seed: enough for a fiftieth of their spread."""

CENTRE = 212
"""Side of the central square, in pixels; what lies outside of it is mostly sky."""


@dataclass(frozen=True)
class Pictures:
    """Of each picture: its bytes, the mean colour of its central 10×10 pixels, and its pixels' first two moments.

    Moments are N×2×3: mean, and mean square, of red, green and blue, in the central square or outside of it.
    """

    sizes: np.ndarray
    colours: np.ndarray
    centre: np.ndarray
    outside: np.ndarray


def look(path: Path, ids: np.ndarray) -> Pictures:
    """Read the pictures of those galaxies from a zip.

    Raises:
        GalaxyError: a picture that cannot be used.
    """
    members = archives.image_members(path)
    side = competition.IMAGE_SIZE
    whole, low = Cropper(side, side, side), (side - CENTRE) // 2
    sizes, colours, centre, outside = [], [], [], []
    with archives.open_zip(path) as archive:
        for galaxy_id in ids.tolist():
            try:
                jpeg = archive.read(members[galaxy_id])
                image, colour = whole(jpeg)
            except (BadImageError, *archives.DAMAGED) as error:
                raise GalaxyError(f"{path}: {members[galaxy_id]}: {describe(error)}; fetch the images again") from None
            inner, all_pixels = _moments(image[low : low + CENTRE, low : low + CENTRE]), _moments(image)
            sizes.append(len(jpeg))
            colours.append(colour)
            centre.append(inner)
            outside.append((all_pixels * side**2 - inner * CENTRE**2) / (side**2 - CENTRE**2))
    return Pictures(*(np.array(values) for values in (sizes, colours, centre, outside)))


def _moments(image: np.ndarray) -> np.ndarray:
    """2×3: the mean of each channel, and of its square."""
    mean, spread = (values[:, 0] for values in cv2.meanStdDev(image))
    return np.stack([mean, mean**2 + spread**2])


def measure(votes: np.ndarray, pictures: Pictures, pictured: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """All that is compared, by name.

    Args:
        votes: N×37.
        pictures: of M of the galaxies, those of the rows `pictured`.
        weights: N, how much each galaxy counts.
    """
    weights = weights / weights.sum()
    means = weights @ votes
    spreads = np.sqrt(weights @ np.square(votes - means))
    seen = weights[pictured] / weights[pictured].sum()
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
        mean, square = np.tensordot(seen, moments, axes=1)
        for channel, value, spread in zip(("red", "green", "blue"), mean, np.sqrt(square - mean**2), strict=True):
            measured |= {f"mean_{place}_{channel}": float(value), f"spread_{place}_{channel}": float(spread)}
    return measured


def measure_folder(raw: Path) -> dict[str, float]:
    """The same for all labelled galaxies of the competition's files in `raw`, each counting alike."""
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    votes, ids = solutions[list(decision_tree.COLUMNS)].to_numpy(), solutions["GalaxyID"].to_numpy()
    pictured = np.sort(np.random.default_rng(0).permutation(len(ids))[:MOST_PICTURES])
    pictures = look(competition.zip_path(raw, competition.TRAINING_IMAGES), ids[pictured])
    return measure(votes, pictures, pictured, np.ones(len(ids)))


def compare(measured: dict[str, float]) -> pd.DataFrame:
    """One row a quantity: `quantity`, `real`, `here`, `deviation`, `limit`, `holds`.

    Deviations are shares of the real value, but for the columns' means, where they are differences.
    """
    table = pd.DataFrame({"quantity": list(measured), "here": list(measured.values())})
    table["real"] = [real_galaxies.REAL[name] for name in measured]
    difference = (table["here"] - table["real"]).abs()
    kinds = [_kind(name) for name in measured]
    table["deviation"] = np.where([kind == "column_mean" for kind in kinds], difference, difference / table["real"])
    table["limit"] = [LIMITS[kind] for kind in kinds]
    table["holds"] = table["deviation"] <= table["limit"]
    return table[["quantity", "real", "here", "deviation", "limit", "holds"]]


LIMITS = {
    "all_zeros": 0.02,
    "baseline": 0.03,
    "column_mean": 0.02,
    "column_spread": 0.25,
    "jpeg": 0.25,
    "pixel": 0.15,
}
"""How far a simulated quantity may be from the real one."""


def _kind(quantity: str) -> str:
    if quantity == "rmse_all_zeros":
        return "all_zeros"
    if quantity.startswith("rmse_"):
        return "baseline"
    if "_Class" in quantity:
        return "column_mean" if quantity.startswith("mean_") else "column_spread"
    return "jpeg" if "jpeg" in quantity else "pixel"


def report(table: pd.DataFrame, source: dict[str, Any]) -> dict[str, Any]:
    """What `metrics/calibration.json` holds: how many rows hold, and the baselines' RMSE; the table has the rest."""
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
    """The comparison as text for a terminal: of the columns the worst mean and spread, all else in full."""
    of_columns = table["quantity"].str.contains("Class")
    worst = [
        table.loc[of_columns & table["quantity"].str.startswith(kind), "deviation"].idxmax()
        for kind in ("mean", "spread")
    ]
    rows = table[~of_columns | table.index.isin(worst)]
    body = rows.to_string(index=False, float_format="{:.4g}".format)
    held = f"{content['rows_within_limit']} of {content['rows']} rows within their limit"
    return f"{content['galaxies']:,} galaxies ({content['source']}) beside the competition's; {held}\n{body}"
