"""The command `galaxy`: what people do with trained models, outside the graph of `dvc.yaml`."""

import argparse

from galaxy.core import errors
from galaxy.cli import compare
from galaxy.cli import export
from galaxy.cli import predict
from galaxy.cli import submit

COMMANDS = (predict, compare, export, submit)
"""Each module has `add`, which describes its command, and `run`, which imports what it needs (torch takes seconds)."""


def parser() -> argparse.ArgumentParser:
    """The parser of the command and its subcommands."""
    parser = argparse.ArgumentParser(prog="galaxy", description="Vote fractions of galaxies, by trained models.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        description = (command.__doc__ or "").strip()
        added = subparsers.add_parser(
            command.__name__.rpartition(".")[2],
            help=description.splitlines()[0],
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add(added)
        added.set_defaults(run=command.run)
    return parser


def main() -> None:
    arguments = parser().parse_args()
    errors.run(lambda: arguments.run(arguments))
