"""Texts with gaps: the templates that lie in this package, `*.j2`."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment() -> Environment:
    """Where the package's own templates are; what they are given is escaped in HTML, and must be there."""
    return Environment(
        loader=PackageLoader("galaxy", ""),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
