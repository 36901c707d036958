"""Train the model of one section of the params: `python -m stages.train train_cnn`."""

import argparse

import pandas as pd

from galaxy.core import params
from galaxy.core import source_info
from galaxy.training import vote_fractions
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import run
from galaxy.core.paths import Outs
from galaxy.data.galaxies import Galaxies
from stages import paths


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.train", description=__doc__)
    parser.add_argument("section", help="a section of params.yaml, such as train_cnn")
    section = parser.parse_args().section
    options = params.load()
    name = section.removeprefix(params.TRAIN_PREFIX)
    if name not in options.models:
        raise GalaxyError(f"{params.PARAMS_FILE}: no section {section}; it has train_{', train_'.join(options.models)}")
    vote_fractions.train(
        options.models[name],
        options.preprocess,
        Galaxies.open(paths.PREPROCESSED, "training"),
        pd.read_csv(paths.SPLIT),
        source_info.read(paths.PREPROCESSED),
        Outs(
            model=params.out(paths.MODELS, name),
            history=params.out(paths.METRICS, name, "_history.csv"),
            metrics=params.out(paths.METRICS, name, ".json"),
            checkpoints=paths.CHECKPOINTS / section,
            events=paths.EVENTS / section,
        ),
    )


if __name__ == "__main__":
    run(main)
