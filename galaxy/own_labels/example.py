"""Write lists with labels, as somebody has one of their own: `python -m galaxy.own_labels.example FOLDER`.

The list is of simulated galaxies, whose images it writes, too; with `--competition ZIPS` of those in the competition's
files, whose images stay in their zip (`data.images`): `likeliest` and the votes for the answers of question 1.

`labels.csv` has labels of each kind: `morphology` and `merger` (classes), `magnitude` (a number), `smooth_fraction` (a
fraction), and `smooth`, `featured` and `artifact` (votes by answer). Classes and numbers are the simulation's truth.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import competition, decision_tree, files
from galaxy.core.errors import run
from galaxy.core.metrics import VOLUNTEERS
from galaxy.core.params import Simulated
from galaxy.data import simulated_truth
from galaxy.ingest import archives
from galaxy.simulator import simulate

GALAXIES = Simulated(training_galaxies=1000, test_galaxies=1, seed=2014, volunteers=44, seeing=1.3, noise=1.0)
LIST = "labels.csv"

ANSWERS = ("smooth", "featured", "artifact")
"""The columns of votes for the answers of question 1."""

EDGE_ON, FACE_ON = 78, 60
"""Least inclination of an edge-on disc and largest of a spiral, in degrees."""

ARMS = 0.2
"""Least share of a spiral's light that is in its arms."""


def write(folder: Path, options: Simulated = GALAXIES) -> Path:
    """Write `labels.csv` and `images/` into a folder; return the path of the first. About half of the galaxies have one
    of the three kinds of `morphology`; the others are left out.
    """
    with tempfile.TemporaryDirectory() as name:
        raw = Path(name)
        simulate(raw, options)
        truth = pd.read_csv(raw / simulated_truth.SIMULATED_TRUTH)
        votes = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
        archive = competition.zip_path(raw, competition.TRAINING_IMAGES)
        members = archives.image_members(archive)
        (folder / "images").mkdir(parents=True, exist_ok=True)
        table = labels(truth, votes)
        with zipfile.ZipFile(archive) as opened:
            for galaxy, path in zip(table["id"], table["path"], strict=True):
                (folder / path).write_bytes(opened.read(members[galaxy]))
    files.write_csv(folder / LIST, table)
    return folder / LIST


def write_competition(folder: Path, zips: Path) -> Path:
    """Write `labels.csv` of the labelled galaxies in the competition's zips, and return its path.

    Raises:
        GalaxyError: a zip is absent or damaged.
    """
    votes = archives.read_solutions(competition.zip_path(zips, competition.SOLUTIONS))
    members = archives.image_members(competition.zip_path(zips, competition.TRAINING_IMAGES))
    fractions = votes[list(decision_tree.question(1).columns)].to_numpy()
    table = pd.DataFrame(
        {
            "id": votes["GalaxyID"],
            "path": [members[galaxy] for galaxy in votes["GalaxyID"]],
            "likeliest": np.array(ANSWERS, dtype=object)[fractions.argmax(axis=1)],
            "smooth_fraction": fractions[:, 0],
            **dict(zip(ANSWERS, np.rint(fractions.T * VOLUNTEERS).astype(int), strict=True)),
        }
    )
    files.write_csv(folder / LIST, table)
    return folder / LIST


def labels(truth: pd.DataFrame, votes: pd.DataFrame) -> pd.DataFrame:
    """Return the list, from a simulation's truth and its vote fractions (both with a row per galaxy)."""
    is_disc = truth["kind"] == "disc"
    kinds = {
        "edge-on": is_disc & (truth["inclination"] >= EDGE_ON),
        "elliptical": truth["kind"] == "elliptical",
        "spiral": is_disc & (truth["inclination"] <= FACE_ON) & (truth["arm_strength"] >= ARMS),
    }
    fractions = votes.set_index("GalaxyID").loc[truth["GalaxyID"]]
    first = decision_tree.question(1).columns
    counts = np.rint(fractions[list(first)].to_numpy() * truth["volunteers"].to_numpy()[:, None]).astype(int)
    table = pd.DataFrame(
        {
            "id": truth["GalaxyID"],
            "path": [f"images/{galaxy}.jpg" for galaxy in truth["GalaxyID"]],
            "morphology": np.select(list(kinds.values()), list(kinds), ""),
            "merger": np.where(truth["companion_distance"] > 0, "merger", "single"),
            "magnitude": truth["magnitude"].round(3),
            "smooth_fraction": fractions[first[0]].to_numpy(),
            **dict(zip(ANSWERS, counts.T, strict=True)),
        }
    )
    return table[table["morphology"] != ""].reset_index(drop=True)


def main() -> None:
    """Write the example into the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m galaxy.own_labels.example", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--competition", type=Path, metavar="ZIPS", help="folder with the competition's zips")
    arguments = parser.parse_args()
    zips, kind = arguments.competition, "simulated"
    if zips is None:
        path = write(arguments.folder)
    else:
        path, kind = write_competition(arguments.folder, zips), "labelled"
    print(f"{path}: {len(pd.read_csv(path)):,} {kind} galaxies")


if __name__ == "__main__":
    run(main)
