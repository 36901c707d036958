"""Draw the likeliest galaxy of each class, raw and preprocessed, and the distribution of the 37 columns."""

from galaxy.evaluation import exploration
from galaxy.core import params
from galaxy.core import source_info
from galaxy.core.errors import run
from stages import paths


def main() -> None:
    options = params.load().preprocess
    label = source_info.label(source_info.read(paths.RAW))
    exploration.explore(paths.RAW, paths.EXPLORE_FIGURES, options.crop, options.size, label)


if __name__ == "__main__":
    run(main)
