"""Assign each labelled galaxy to train, valid or test."""

from galaxy.core.stage import run
from stages.arguments import parse


def main() -> None:
    options, paths = parse("split", __doc__)
    import pandas as pd

    from galaxy.core import files
    from galaxy.data.split import deal, split

    ids = pd.read_csv(paths.preprocessed / "training.csv", usecols=["GalaxyID"])["GalaxyID"].to_numpy()
    asked = options.split
    if options.folds is not None:
        files.write_csv(paths.split, deal(ids, options.folds, asked.valid, asked.seed))
        print(f"{options.folds} folds of {len(ids)} galaxies")
        return
    table = split(ids, asked.test, asked.valid, asked.seed)
    files.write_csv(paths.split, table)
    print(", ".join(f"{count} {name}" for name, count in table["Set"].value_counts().items()))


if __name__ == "__main__":
    run(main)
