"""Draw a likely galaxy of each class, raw and preprocessed, and the distribution of the 37 columns."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options = params.load().preprocess
    say("explore: starting")
    from galaxy.core import source_info
    from galaxy.evaluation.exploration import explore

    source = source_info.read(PATHS.raw)
    explore(PATHS.raw, PATHS.galleries, PATHS.exploration_figures, options.crop, options.size, source)


if __name__ == "__main__":
    run(main)
