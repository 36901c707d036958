"""Note the state of what lies outside the task, where DVC does not watch: images of yours and weights."""

from galaxy.core import leftovers, outside
from galaxy.core.paths import PATHS
from galaxy.core.stage import run
from galaxy.tasks import params, sources


def main() -> None:
    options = params.load()
    leftovers.remove([name for names in options.models.values() for name in names])
    if options.data.source == "local":
        sources.local(options.data)  # before DVC removes what `prepare` and the stages after it have made
    weights = {name: model.weights for name, model in options.train.items()}
    folders = outside.networks(options.train)
    outside.note(PATHS.outside, options.data.source, [options.data.local], weights, folders=folders)


if __name__ == "__main__":
    run(main)
