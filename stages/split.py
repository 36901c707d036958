"""Assign each labelled galaxy to train, valid or test."""

from galaxy.core.stage import run
from stages.arguments import parse


def main() -> None:
    _, options, paths = parse("split", __doc__)
    import pandas as pd

    from galaxy.core import files
    from galaxy.data.split import split

    ids = pd.read_csv(paths.preprocessed / "training.csv", usecols=["GalaxyID"])["GalaxyID"].to_numpy()
    table = split(ids, options.split.test, options.split.valid, options.split.seed)
    files.write_csv(paths.split, table)
    print(", ".join(f"{count} {name}" for name, count in table["Set"].value_counts().items()))


if __name__ == "__main__":
    run(main)
