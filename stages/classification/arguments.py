"""What the stages of a task are told on the command line."""

import argparse

SET = ("set", "what prepare made: labelled or held_out")


def parser(stage: str, description: str | None, *further: tuple[str, str]) -> argparse.ArgumentParser:
    """A parser of `task`, and of further arguments (name, help)."""
    made = argparse.ArgumentParser(prog=f"python -m stages.classification.{stage}", description=description)
    for name, meaning in (("task", "a folder of classification/"), *further):
        made.add_argument(name, help=meaning)
    return made
