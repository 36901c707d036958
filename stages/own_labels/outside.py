"""Note the state of what lies outside the pipeline, where DVC does not watch: your list, images and weights."""

from galaxy.core import leftovers, outside
from galaxy.core.params import Training
from galaxy.core.paths import PATHS
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    data = options.data
    leftovers.remove([*options.train, *map(str, options.few_labels.counts)])
    if data.source == "local":
        params.local(data)  # before DVC removes what `prepare` and the stages after it have made
    models: dict[str, Training] = dict(options.train)
    weights = {name: model.weights for name, model in models.items()}
    weights["simulated"] = None
    if options.start is not None:
        models["simulated"], weights["simulated"] = options.start.model, options.start.model.weights
    images = data.images or str(outside.locate(data.local).parent)
    outside.note(PATHS.outside, data.source, [data.local, images], weights, folders=outside.networks(models))


if __name__ == "__main__":
    run(main)
