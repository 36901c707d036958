"""Check params.yaml, and list every key with its value, its allowed values and its meaning.

It reads the file in the current folder, which may be a pipeline's, a recipe's or a task's, and prints a Markdown table.
"""

import argparse
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from galaxy.core.params import Training

EXAMPLES = "examples:\n  galaxy params"

SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
TYPES = {int: "whole number", float: "number", bool: "true or false", str: "text", list: "list"}


def add(_: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(_: argparse.Namespace) -> None:
    """Check the file and print the table."""
    from galaxy.core import params
    from galaxy.core.params_file import PARAMS_FILE, read_yaml
    from galaxy.own_labels import params as own_labels
    from galaxy.tasks import params as tasks

    content = (read_yaml(PARAMS_FILE.read_text()) if PARAMS_FILE.is_file() else None) or {}
    if "compared" in content:
        task = tasks.load()
        print(markdown(task, task.train))
    elif "target" in content:
        own = own_labels.load()
        print(markdown(own, own.train))
    else:
        options = params.load()
        print(markdown(options, options.models))


def markdown(options: BaseModel, models: Mapping[str, Training]) -> str:
    """Return the table of a file's sections. All models share one row per key; the few that some lack come last."""
    lines = ["| key | value | may be | meaning |", "|---|---|---|---|"]
    lines += [f"| `{key}` | `{value}` | {allowed} | {meaning} |" for key, value, allowed, meaning in rows(options)]
    sections = [{row[0]: row for row in rows(model)} for model in models.values()]
    keys = {key: row for section in sorted(sections, key=len) for key, row in section.items()}
    for key, (_, _, allowed, meaning) in keys.items():
        values = " / ".join(dict.fromkeys(f"`{section[key][1]}`" for section in sections if key in section))
        lines.append(f"| `<model>.{key}` | {values} | {allowed} | {meaning} |")
    return "\n".join(lines)


def rows(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield key, value, allowed values and meaning of each leaf of a section, without the models' leaves."""
    for name, field in type(section).model_fields.items():
        value, key, meaning = getattr(section, name), f"{prefix}{name}", field.description or ""
        if isinstance(value, Training) or (value is None and not meaning):
            continue  # a model, or a section that this file does not have
        if isinstance(value, BaseModel):
            yield from rows(value, f"{key}.")
        elif name == "train" and isinstance(value, dict):
            yield key, ", ".join(value) or "{}", "mapping", meaning
        else:
            yield key, _yaml(value), _allowed(field), meaning


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _allowed(field: FieldInfo) -> str:
    """Return the type or the choices, and the bounds, in words."""
    kind: Any = field.annotation
    optional = get_origin(kind) in (types.UnionType, Union)  # the latter of Literal and None
    if optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Literal:
        text = ", ".join(get_args(kind))
    else:
        text = TYPES.get(get_origin(kind) or kind, "mapping")
        limits = [(sign, getattr(item, name, None)) for item in field.metadata for name, sign in SIGNS.items()]
        bounds = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
        if bounds:
            text += f" {', '.join(bounds)}"
    return text + (" or null" if optional else "")
