"""Texts with gaps to fill: Jinja templates that lie beside the module that fills them."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def environment(package: str) -> Environment:
    """Return an environment for a package's templates; values are escaped in HTML, and a missing one is an error."""
    return Environment(
        loader=PackageLoader(package, ""),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
