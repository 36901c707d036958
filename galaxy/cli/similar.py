"""Find the images that are most similar to one: nearest by cosine in a file that galaxy embed wrote.

QUERY is an image in that file, by its name there, or any other image: it is then embedded with the same model.
"""

import argparse
from pathlib import Path

EXAMPLES = """examples:
  galaxy similar my_images/ring.jpg --in embeddings.parquet
  galaxy similar new.fits --in survey.parquet --number 50 --out like_new.csv"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("query", metavar="QUERY", help="an image of the file, or another one")
    parser.add_argument(
        "--in",
        dest="embeddings",
        type=Path,
        default=Path("embeddings.parquet"),
        metavar="FILE",
        help="what galaxy embed wrote (default: embeddings.parquet)",
    )
    parser.add_argument("--number", type=int, default=24, metavar="N", help="how many to find (default: 24)")
    add_outputs(parser, "similar", "pictures of them, as PNG")


def add_outputs(parser: argparse.ArgumentParser, stem: str, sheet: str) -> None:
    """Add the arguments for the files to write, called `stem` by default; `sheet` says what is on the sheet."""
    for option, ending, what in (("--out", "csv", "list to write"), ("--sheet", "png", sheet)):
        name = f"{stem}.{ending}"
        parser.add_argument(option, type=Path, default=Path(name), metavar="FILE", help=f"{what} (default: {name})")


def run(arguments: argparse.Namespace) -> None:
    """Find the images, and write a list and a sheet."""
    from galaxy.embeddings import search

    print(search.write_similar(arguments.query, arguments.embeddings, arguments.number, arguments.out, arguments.sheet))
