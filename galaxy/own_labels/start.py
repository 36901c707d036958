"""Train a model on simulated galaxies and their vote fractions, for models of own labels to start from."""

import tempfile
from pathlib import Path

import pandas as pd

from galaxy.core import source_info
from galaxy.core.params import Download, Local
from galaxy.core.paths import Paths
from galaxy.data import simulated_truth
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.ingest import download
from galaxy.ingest.preprocess import preprocess
from galaxy.own_labels.params import Start
from galaxy.training import vote_fractions

MODEL = "simulated"


def train(options: Start, paths: Paths) -> None:
    """Simulate galaxies, pack them, and train the model; of all this only the model and its metrics are kept."""
    with tempfile.TemporaryDirectory() as name:
        raw, packed = Path(name) / "raw", Path(name) / "packed"
        raw.mkdir()
        asked = Download(source="simulated", simulated=options.simulated, local=Local(folder=""))
        download.download(asked, raw)
        preprocess(raw, packed, options.preprocess.crop, options.preprocess.size)
        ids = pd.read_csv(packed / "training.csv", usecols=["GalaxyID"])["GalaxyID"].to_numpy()
        table = split(ids, options.split.test, options.split.valid, options.split.seed)
        galaxies = Galaxies.open(packed, "training")
        volunteers = simulated_truth.volunteers(packed, galaxies.ids)
        source = source_info.read(raw)
        vote_fractions.train(options.model, galaxies, table, source, paths.training(MODEL), volunteers=volunteers)
