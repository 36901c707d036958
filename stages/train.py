"""Train one of the models in the params: `python -m stages.train cnn`, or one of its folds."""

from galaxy.core.paths import fold_name
from galaxy.core.stage import run
from stages.arguments import parse_model


def main() -> None:
    name, fold, options, paths = parse_model("train", __doc__)
    import pandas as pd

    from galaxy.core import source_info
    from galaxy.data import simulated_truth, split
    from galaxy.data.galaxies import Galaxies
    from galaxy.training import teacher, vote_fractions

    section, galaxies = options.models[name], Galaxies.open(paths.preprocessed, "training")
    table = pd.read_csv(paths.split)
    vote_fractions.train(
        section,
        galaxies,
        table if fold is None else split.of_fold(table, fold),
        source_info.read(paths.preprocessed),
        paths.training(name if fold is None else fold_name(name, fold)),
        teacher.read(section.teacher, paths.preprocessed, fold),
        simulated_truth.volunteers(paths.preprocessed, galaxies.ids),
    )


if __name__ == "__main__":
    run(main)
