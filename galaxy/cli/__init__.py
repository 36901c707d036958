"""The command `galaxy`: what people do with trained models, outside the pipeline.

* `predict` predicts your own images;
* `app`     shows in the browser what is predicted of an image;
* `embed`   turns images into vectors;
* `similar` finds the images that are most similar to one;
* `unusual` lists the most unusual images;
* `compare` compares two runs;
* `export`  exports a model to ONNX;
* `submit`  sends a submission to Kaggle;
* `params`  checks and lists the params.
"""

import argparse
from importlib import metadata
from pathlib import Path
from typing import Any

from galaxy.cli import app, compare, embed, export, params, predict, similar, submit, unusual
from galaxy.core import errors

COMMANDS = (predict, app, embed, similar, unusual, compare, export, submit, params)
"""Each has `add`, which adds the arguments, and `run`, which imports what it needs (torch takes seconds)."""

COMPLETION = """completion of commands, options and files by the Tab key:
  bash: put into ~/.bashrc: eval "$(galaxy --print-completion bash)"
  zsh:  save the script as _galaxy in a folder of $fpath
  tcsh: save the script, and source it in ~/.tcshrc"""


def parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser of the command and its subcommands."""
    parser = kind(
        prog="galaxy",
        description="Predict galaxies' vote fractions with trained models.",
        epilog=COMPLETION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument(
        "--print-completion",
        choices=("bash", "zsh", "tcsh"),
        metavar="SHELL",
        help="print the script for completion in bash, zsh or tcsh and exit",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND")
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


def completion(shell: str) -> str:
    """Return the script with which a shell completes commands, options and, where a path belongs, files."""
    import shtab

    class Parser(argparse.ArgumentParser):
        def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
            action = super().add_argument(*names, **options)
            if options.get("type") is Path or options.get("metavar") == "IMAGE":
                vars(action)["complete"] = shtab.FILE
            return action

    return shtab.complete(parser(Parser), shell)


def main() -> None:
    """Run the command that the command line names; without one, print the help."""
    whole = parser()
    arguments = whole.parse_args()
    if arguments.version:
        print(f"galaxy {metadata.version('galaxy-zoo-pipeline')}")
    elif arguments.print_completion:
        print(completion(arguments.print_completion))
    elif "run" in arguments:
        errors.run(lambda: arguments.run(arguments))
    else:
        whole.print_help()
