"""Every param, its value, what it may be and what it means: `python -m galaxy.cli.params` checks `params.yaml` and
prints the table that docs/params.md holds; with the name of a classification task it does so for that task's params."""

import argparse
import types
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from galaxy.core import params
from galaxy.tasks import params as classification
from galaxy.core.errors import run
from galaxy.core.params import ModelSections

SIGNS = {Gt: ("> ", "gt"), Ge: ("≥ ", "ge"), Lt: ("< ", "lt"), Le: ("≤ ", "le")}


def rows(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Key, value, allowed values and meaning of each leaf of a section, in the schema's order."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from rows(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _yaml(value), _allowed(field), field.description or ""


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allowed(field: FieldInfo) -> str:
    """The type's name or choices, with its bounds."""
    kind: Any = field.annotation
    optional = get_origin(kind) is types.UnionType
    if optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Literal:
        text = ", ".join(get_args(kind))
    else:
        names = {int: "whole number", float: "number", bool: "true or false", str: "text", list: "list"}
        bounds = [
            sign + f"{getattr(m, name):g}" for m in field.metadata for t, (sign, name) in SIGNS.items() if type(m) is t
        ]
        text = " ".join([names.get(get_origin(kind) or kind, "mapping"), ", ".join(bounds)]).strip()
    return text + (" or null" if optional else "")


def markdown(loaded: ModelSections[Any]) -> str:
    """The table of all sections; one for the models, whose sections hold the same keys."""
    lines = ["| key | default | may be | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | `{value}` | {allowed} | {meaning} |" for key, value, allowed, meaning in rows(loaded)]
    sections = [{row[0]: row for row in rows(model)} for model in loaded.models.values()]
    for key, (_, _, allowed, meaning) in sections[0].items():
        values = " / ".join(dict.fromkeys(f"`{section[key][1]}`" for section in sections))
        lines.append(f"| `train_<model>.{key}` | {values} | {allowed} | {meaning} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m galaxy.cli.params", description=__doc__)
    parser.add_argument("task", nargs="?", help="a folder of classification/")
    task = parser.parse_args().task
    print(markdown(params.load() if task is None else classification.load(task)))


if __name__ == "__main__":
    run(main)
