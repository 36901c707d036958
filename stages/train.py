"""Train one of the models in the params: `python -m stages.train cnn`."""

from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE
from galaxy.core.stage import run
from stages.arguments import parse


def main() -> None:
    arguments, options, paths = parse("train", __doc__, ("model", "cnn, resnet, or a key of the section train"))
    name = arguments.model
    if name not in options.models:
        raise GalaxyError(f"{PARAMS_FILE} has no model {name}; it has {', '.join(options.models)}")
    import pandas as pd

    from galaxy.core import source_info
    from galaxy.data.galaxies import Galaxies
    from galaxy.training import vote_fractions

    vote_fractions.train(
        options.models[name],
        Galaxies.open(paths.preprocessed, "training"),
        pd.read_csv(paths.split),
        source_info.read(paths.preprocessed),
        paths.training(name),
    )


if __name__ == "__main__":
    run(main)
