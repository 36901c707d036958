"""Note the state of what lies outside the pipeline, where DVC does not watch: the competition's files and weights."""

from galaxy.core import leftovers, outside, params
from galaxy.core.paths import PATHS, START
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    leftovers.remove(options.models)
    for part, trainings in (("", options), (START, options.start)):
        if trainings is not None:
            weights = {name: model.weights for name, model in trainings.models.items()}
            outside.note(PATHS.outside / part, trainings.download.source, trainings.download.local.folder, weights)


if __name__ == "__main__":
    run(main)
