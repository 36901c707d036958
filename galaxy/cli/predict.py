"""Predict the vote fractions of your own images.

IMAGE is a file (JPEG, PNG, TIFF, WebP, BMP, GIF; FITS with one plane, or with g, r and i), a folder, a glob in quotes,
a zip, or a list: a CSV with a column `path`, whose columns all go into the results. The central square of each image is
cropped and resized to the size that the model was trained on. An image that cannot be read is named and left out, and
the exit status is then 1.
"""

import argparse
import sys
from pathlib import Path

from galaxy.core.errors import FIRST_PROBLEMS, GalaxyError

EXAMPLES = """examples:
  galaxy predict my_images/
  galaxy predict 'survey/*.fits' --model models/cnn --views 8 --out fractions.csv
  galaxy predict list.csv --crop 0.5 --figure trees/"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder, glob, zip or CSV of paths")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a trained model's folder; repeat for the mean of several (default: the project's best on valid)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("predictions.csv"),
        metavar="FILE",
        help="the file to write: .csv, .csv.gz, .parquet, or - for the standard output (default: predictions.csv)",
    )
    parser.add_argument(
        "--views",
        type=int,
        default=1,
        metavar="N",
        help="average N views of each image; 8: quarter turns, mirrored too; else: as many turns (default: 1)",
    )
    parser.add_argument(
        "--crop",
        metavar="SIZE",
        help="central square to keep, in pixels (a whole number from 10 on) or as a fraction of the shorter side (up "
        "to 1) (default: the fraction that the model was trained on)",
    )
    parser.add_argument(
        "--survey",
        choices=("sdss", "legacy", "panstarrs", "hsc", "des"),
        help="the survey that FITS files are from: zero point, pixel and bands (default: by the header)",
    )
    parser.add_argument(
        "--fits-scale",
        type=float,
        metavar="FACTOR",
        help="for other surveys: factor from the pixels of FITS files to nanomaggies per pixel of 0.396 arcseconds "
        "(default: by the header's BUNIT and WCS)",
    )
    parser.add_argument("--hdu", metavar="NAME", help="FITS extension to read, or its number (default: by the names)")
    parser.add_argument(
        "--bands",
        metavar="LIST",
        help="bands of the planes of FITS files, such as i,r,g, or the numbers of those to take as g, r and i, such as "
        "3,2,1 (default: by the header)",
    )
    parser.add_argument("--figure", type=Path, metavar="FOLDER", help="also draw each galaxy beside its decision tree")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="images at a time (default: 64)")
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first image that cannot be read or is doubtful"
    )


def run(arguments: argparse.Namespace) -> None:
    """Predict, write the table and the figures, and name the images that are left out."""
    from galaxy.inference import find_images, image_workers, outputs, plausibility, predictor
    from galaxy.inference.fits import FitsOptions
    from galaxy.inference.lists import WARNING
    from galaxy.inference.read_image import Crop

    out = outputs.STDOUT if arguments.out == Path("/dev/stdout") else arguments.out
    crop = None if arguments.crop is None else Crop.parse(arguments.crop)
    fits = FitsOptions(arguments.fits_scale, arguments.hdu, arguments.bands, arguments.survey)
    options = predictor.Options(arguments.views, crop, fits, arguments.batch_size)
    sources = find_images.find(arguments.images)
    models = predictor.find_models(*arguments.model)
    outputs.check(out, arguments.images, sources)
    if arguments.figure is not None:
        outputs.check_figures(arguments.figure, arguments.images)
    image_workers.start()
    loaded = predictor.load(*models)
    strict = arguments.strict
    table, problems = loaded.predict_readable(sources, options, strict=strict, refuse_doubtful=strict)
    outputs.write(out, table)
    by = ", ".join(f"{name} (trained on {source} galaxies)" for name, source in loaded.trained_on.items())
    say = sys.stderr if out == outputs.STDOUT else sys.stdout
    print(f"{out}: {len(sources) - len(problems)} galaxies by {by}", file=say)
    if arguments.figure is not None:
        from galaxy.inference import tree_figure

        readable = [row for row in table.index if row not in problems]
        shown = [sources[row] for row in readable]
        tree_figure.write_all(arguments.figure, shown, table.loc[readable], loaded.readers(options)[0])
        print(f"{arguments.figure}: {len(readable)} figures", file=say)
    for folder, appearance in loaded.appearances.items():
        if appearance is None:
            print(f"warning: {folder}: {plausibility.NO_STATISTICS}", file=sys.stderr)
    doubtful = [
        (sources[row].name, text)
        for row, text in zip(table.index, table[WARNING], strict=True)
        if text and row not in problems
    ]
    for name, text in doubtful[:FIRST_PROBLEMS]:
        print(f"warning: {name}: {text}", file=sys.stderr)
    if len(doubtful) > FIRST_PROBLEMS:
        print(f"warning: … and {len(doubtful) - FIRST_PROBLEMS} more, in the column {WARNING!r}", file=sys.stderr)
    for row, problem in problems.items():
        print(f"left out: {sources[row].name}: {problem}", file=sys.stderr)
    if problems:
        raise GalaxyError(
            f"{len(problems)} of {len(sources)} images cannot be read (named above); the others are in {out}"
        )
