"""Note the state of what lies outside the task, where DVC does not watch: images of yours and weights."""

from galaxy.core import leftovers, outside
from galaxy.core.paths import PATHS
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    options = params.load()
    leftovers.remove([name for names in options.models.values() for name in names])
    if options.data.source == "local" and not outside.locate(options.data.local).exists():
        from galaxy.tasks import sources

        sources.local(options.data)  # ends here, before DVC removes what `prepare` and later stages have made
    weights = {name: model.weights for name, model in options.train.items()}
    folders = outside.networks(options.train)
    outside.note(PATHS.outside, options.data.source, [options.data.local], weights, folders=folders)


if __name__ == "__main__":
    run(main)
