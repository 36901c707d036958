"""Read and check a params file: YAML as DVC reads it, and one line per mistake."""

import re
from collections.abc import Hashable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from galaxy.core.errors import GalaxyError, describe

PARAMS_FILE = Path("params.yaml")

Schema = TypeVar("Schema", bound=BaseModel)


class Section(BaseModel):
    """A mapping in a params file: exactly the declared keys and types, without conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's scalars, which DVC reads: `1e-3` is a number, `yes` and `1:30` are text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own attribute)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; two equal keys are an error, but a key may replace a merged one (`<<`)."""
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", node.start_mark)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$", "-+."),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN"),
    ("merge", r"^<<$", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [*_first, ""])


_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))  # PyYAML: 010 is 8


def read_yaml(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        yaml.YAMLError: it is not valid YAML, or a mapping holds a key twice.
    """
    return _Loader(text).get_single_data()


def read_text(path: Path) -> str:
    """Return the text of a params file.

    Raises:
        GalaxyError: it is absent.
    """
    try:
        return path.read_text()
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; run in the folder of a pipeline, the one with dvc.yaml") from None


def read(path: Path, schema: type[Schema]) -> Schema:
    """Read a params file and validate it against a schema.

    Raises:
        GalaxyError: naming each key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        content = read_yaml(read_text(path))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise GalaxyError(f"{path} is not valid YAML: {describe(error)}") from None
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        lines = [_describe(detail, schema) for detail in error.errors()]
        raise GalaxyError(f"{path}: " + f"\nerror: {path}: ".join(lines)) from None


def defaults() -> dict[str, Any]:
    """Return all leaves of the params that come with the project, by dotted key."""
    return leaves(read_yaml((files("galaxy.core") / "default_params.yaml").read_text()))


def leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested sections by dotted key: `{"split.test": 0.2, …}`."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return found


def _describe(detail: Any, schema: type[BaseModel]) -> str:
    """Word one validation problem: the key, what it holds, what it may hold."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden" and key in detail["loc"]:  # at the top
        return f"unknown section {key}; there are {', '.join(schema.model_fields)}, and models under train"
    if detail["type"] == "extra_forbidden":
        return f"unknown key {key}; remove it or correct its spelling"
    if detail["type"] == "missing":
        return f"{key} is missing"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key} is {detail['input']!r}: {message[0].lower() + message[1:]}"
