"""List the most unusual images of a file that galaxy embed wrote, the most unusual first.

An image is unusual if random cuts isolate it easily, and if its nearest neighbours are far (isolation forest and
neighbours' distance). Many unusual images are artifacts: mark some of the list as interesting or not in a CSV with the
columns `file` and `interesting` (1 or 0), and --labels lists first what is unusual and like those that you marked 1.
"""

import argparse
from pathlib import Path

from galaxy.cli import similar

EXAMPLES = """examples:
  galaxy unusual embeddings.parquet
  galaxy unusual embeddings.parquet --labels marked.csv --out unusual_2.csv --sheet unusual_2.png"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("embeddings", type=Path, metavar="FILE", help="what galaxy embed wrote")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="images that you marked: `file`, `interesting`")
    parser.add_argument("--number", type=int, default=48, metavar="N", help="pictures on the sheet (default: 48)")
    similar.add_outputs(parser, "unusual", "pictures of the first ones, as PNG")


def run(arguments: argparse.Namespace) -> None:
    """Rank all images, and write the list and a sheet of the first ones."""
    from galaxy.embeddings import search

    print(
        search.write_unusual(arguments.embeddings, arguments.labels, arguments.number, arguments.out, arguments.sheet)
    )
