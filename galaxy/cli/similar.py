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
    parser.add_argument(
        "--out", type=Path, default=Path("similar.csv"), metavar="FILE", help="list to write (default: similar.csv)"
    )
    parser.add_argument(
        "--sheet",
        type=Path,
        default=Path("similar.png"),
        metavar="FILE",
        help="pictures of them, as PNG (default: similar.png)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Find the images, and write a list and a sheet."""
    from galaxy.embeddings import search

    print(search.write_similar(arguments.query, arguments.embeddings, arguments.number, arguments.out, arguments.sheet))
