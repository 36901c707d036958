"""Train the model on simulated galaxies that models of own labels start from; nothing if the param start is null."""

from galaxy.core.paths import START, Paths
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load().start
    paths = Paths(START)
    if options is None:
        say("pretrain: start is null, so no model is trained")
        paths.models.mkdir(parents=True)
        return
    say("pretrain: starting")
    from galaxy.own_labels import start

    start.train(options, paths)


if __name__ == "__main__":
    run(main)
