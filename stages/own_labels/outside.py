"""Note the state of what lies outside the pipeline, where DVC does not watch: your list, images and weights."""

from galaxy.core import leftovers, outside
from galaxy.core.paths import PATHS
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    data = options.data
    leftovers.remove([*options.train, *map(str, options.few_labels.counts)])
    weights = {name: model.weights for name, model in options.train.items()}
    weights["simulated"] = None if options.start is None else options.start.model.weights
    images = data.images or str(outside.locate(data.local).parent)
    outside.note(PATHS.outside, data.source, [data.local, images], weights)


if __name__ == "__main__":
    run(main)
