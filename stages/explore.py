"""Draw the likeliest galaxy of each class, raw and preprocessed, and the distribution of the 37 columns."""

from galaxy.core import params
from galaxy.core.errors import run
from galaxy.core.paths import PATHS


def main() -> None:
    options = params.load().preprocess
    from galaxy.core import source_info
    from galaxy.evaluation.exploration import explore

    label = source_info.label(source_info.read(PATHS.raw))
    explore(PATHS.raw, PATHS.exploration_figures, options.crop, options.size, label)


if __name__ == "__main__":
    run(main)
