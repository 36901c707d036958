"""Draw the likeliest galaxy of each class, raw and preprocessed, and the distribution of the 37 columns."""

from galaxy import exploration, params, provenance
from galaxy.errors import run
from stages import paths


def main() -> None:
    options = params.load().preprocess
    label = provenance.label(provenance.read(paths.RAW))
    exploration.explore(paths.RAW, paths.EXPLORE_FIGURES, options.crop, options.size, label)


if __name__ == "__main__":
    run(main)
