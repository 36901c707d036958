"""Score models of a task on the test images of one of its data sets.

`python -m stages.tasks.evaluate labelled` scores the models in the param `compared`, `… held_out transfer` only that.
"""

import argparse

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.tasks.evaluate", description=__doc__)
    parser.add_argument("set", help="a data set that prepare wrote: labelled or held_out")
    parser.add_argument("models", nargs="*", help="models to score (default: those in the param compared)")
    arguments = parser.parse_args()
    options = params.load()
    say(f"evaluate {arguments.set}: starting")
    import pandas as pd

    from galaxy.tasks import scores
    from galaxy.tasks.examples import Examples

    examples = Examples.open(PATHS.data / arguments.set)
    names = arguments.models or options.compared
    predictions = {name: scores.predict_classes(PATHS.model(name), examples, options.evaluate) for name in names}
    histories = {name: pd.read_csv(PATHS.training(name).history) for name in names}
    title = f"{options.data.name}, {arguments.set}"
    table = scores.write(PATHS.metrics / arguments.set, predictions, examples, histories, title)
    print(f"{title} ({examples.source['source']}): {len(examples.rows('test'))} test images")
    print(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    run(main)
