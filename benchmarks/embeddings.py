"""How well similar and unusual galaxies are found: `python benchmarks/embeddings.py MODEL REAL [--simulated N]`.

MODEL is the folder of a model that was trained on simulated galaxies only, REAL a folder with the competition's zips.

* Similar: for each real galaxy with a Galaxy10 class (by its votes), the share of the 10 nearest others with that
  class, beside the chance: that of any other galaxy.
* Unusual: N simulated galaxies of another seed; how many of the first percent, and of all, are mergers, show a
  lensed arc, or are artifacts or stars.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from galaxy.core import competition, decision_tree
from galaxy.core.params import Simulated
from galaxy.data import simulated_truth
from galaxy.embeddings import compute, neighbours
from galaxy.inference import find_images, predictor, read_ahead
from galaxy.ingest import archives
from galaxy.simulator import simulate
from galaxy.tasks import galaxy10

SEED = 77


def embedded(model: Path, images: Path, views: int) -> tuple[np.ndarray, np.ndarray]:
    """GalaxyIDs and features of the images in a zip."""
    found = find_images.find([images])
    loaded = predictor.load(model)
    ((_, network),) = loaded.networks.items()
    (reader,) = loaded.readers(predictor.Options())
    pixels, _, _ = read_ahead.read_images(found, reader, strict=True)
    embedding = compute.on_each_device(network, reader, None, views)[0]
    parts = [embedding([pixels[start : start + 64]]).columns.values() for start in range(0, len(pixels), 64)]
    features = np.concatenate([np.column_stack(list(part)) for part in parts])
    return np.array([int(Path(found[i].name).stem) for i in range(len(found))]), features


def similar(model: Path, real: Path, views: int) -> pd.DataFrame:
    ids, features = embedded(model, competition.zip_path(real, competition.TRAINING_IMAGES), views)
    votes = archives.read_solutions(competition.zip_path(real, competition.SOLUTIONS)).set_index("GalaxyID")
    classes = galaxy10.majority(votes.loc[ids, list(decision_tree.COLUMNS)].to_numpy())
    points, classes = normalize(features[classes >= 0]), classes[classes >= 0]
    found = NearestNeighbors(n_neighbors=11).fit(points).kneighbors(points, return_distance=False)[:, 1:]
    rows = []
    for number, name in [(None, "all"), *enumerate(galaxy10.CLASSES)]:
        own = np.ones(len(classes), bool) if number is None else classes == number
        chance = np.mean([(np.sum(classes == one) - 1) / (len(classes) - 1) for one in classes[own]])
        same = (classes[found[own]] == classes[own][:, None]).mean()
        rows.append((name, int(own.sum()), same, chance))
    return pd.DataFrame(rows, columns=["class", "galaxies", "precision at 10", "chance"])


def unusual(model: Path, count: int, views: int) -> pd.DataFrame:
    options = Simulated(training_galaxies=count, test_galaxies=1, seed=SEED, volunteers=44, seeing=1.3, noise=1.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, options)
        ids, features = embedded(model, competition.zip_path(folder, competition.TRAINING_IMAGES), views)
        truth = pd.read_csv(folder / simulated_truth.SIMULATED_TRUTH).set_index("GalaxyID").loc[ids]
    scores = neighbours.unusual(features)
    first = scores["unusual"].nlargest(max(count // 100, 1)).index
    kinds = {
        "merger": truth["companion_distance"] > 0,
        "lensed arc": truth["arc_strength"] > 0,
        "artifact or star": truth["kind"].isin(("artifact", "star")),
    }
    kinds["any of these"] = pd.concat(kinds, axis=1).any(axis=1)
    rows = [(kind, own.iloc[first].mean(), own.mean()) for kind, own in kinds.items()]
    return pd.DataFrame(rows, columns=["kind", "of the first percent", "of all"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--simulated", type=int, default=3000)
    parser.add_argument("--views", type=int, default=4)
    arguments = parser.parse_args()
    print(
        similar(arguments.model, arguments.real, arguments.views).to_string(index=False, float_format="{:.3f}".format)
    )
    table = unusual(arguments.model, arguments.simulated, arguments.views)
    print(f"\n{arguments.simulated:,} simulated galaxies\n{table.to_string(index=False, float_format='{:.3f}'.format)}")


if __name__ == "__main__":
    main()
