"""Note the state of what lies outside the pipeline, where DVC does not watch: the competition's files and weights."""

from galaxy.core import leftovers, outside, params
from galaxy.core.paths import PATHS
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    leftovers.remove(options.trained)
    outside.note_pipeline(options, PATHS.outside)


if __name__ == "__main__":
    run(main)
