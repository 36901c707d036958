"""Assign each labelled galaxy to train, valid or test."""

import pandas as pd

from galaxy.core import files
from galaxy.core import params
from galaxy.core.errors import run
from galaxy.data.split import split
from stages import paths


def main() -> None:
    options = params.load().split
    ids = pd.read_csv(paths.PREPROCESSED / "training.csv", usecols=["GalaxyID"])["GalaxyID"].to_numpy()
    table = split(ids, options.test, options.valid, options.seed)
    files.write_csv(paths.SPLIT, table)
    print(", ".join(f"{count} {name}" for name, count in table["Set"].value_counts().items()))


if __name__ == "__main__":
    run(main)
