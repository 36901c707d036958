"""The command `galaxy`: what people do with trained models, outside the pipeline.

* `predict` predicts your own images;
* `compare` compares two runs;
* `export`  exports a model to ONNX;
* `submit`  sends a submission to Kaggle;
* `params`  checks and lists the params.
"""

import argparse

from galaxy.cli import compare, export, params, predict, submit
from galaxy.core import errors

COMMANDS = (predict, compare, export, submit, params)
"""Each has `add`, which adds the arguments, and `run`, which imports what it needs (torch takes seconds)."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command and its subcommands."""
    parser = argparse.ArgumentParser(prog="galaxy", description="Predict galaxies' vote fractions with trained models.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        description = (command.__doc__ or "").strip()
        added = subparsers.add_parser(
            command.__name__.rpartition(".")[2],
            help=description.splitlines()[0],
            description=description,
            epilog=command.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add(added)
        added.set_defaults(run=command.run)
    return parser


def main() -> None:
    """Run the command that the command line names."""
    arguments = parser().parse_args()
    errors.run(lambda: arguments.run(arguments))
