"""Predict your own images: vote fractions, or whatever the model was trained for.

IMAGE is a file (JPEG, PNG, TIFF, WebP, BMP, GIF; FITS with one plane, or with g, r and i), a folder, a glob in quotes,
a zip, or a list: a CSV with a column `path`, whose columns all go into the results. The central square of each image is
cropped and resized to the size that the model was trained on. An image that cannot be read is named and left out, and
the exit status is then 1.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galaxy.core.errors import GalaxyError

if TYPE_CHECKING:
    from galaxy.inference.predictor import Options  # pandas takes a second, which the help need not wait for

EXAMPLES = """examples:
  galaxy predict my_images/
  galaxy predict 'survey/*.fits' --model models/cnn --views 8 --out fractions.csv
  galaxy predict my_images/ --interval 0.9
  galaxy predict list.csv --crop 0.5 --figure trees/"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder, glob, zip or CSV of paths")
    add_reading(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("predictions.csv"),
        metavar="FILE",
        help="the file to write: .csv, .csv.gz, .parquet, .fits, or - for the standard output (default: "
        "predictions.csv); if the command is interrupted, it resumes when it is run again",
    )
    parser.add_argument(
        "--interval",
        type=float,
        metavar="LEVEL",
        help="also give the interval of each fraction in which the votes lie with this chance, such as 0.9",
    )
    parser.add_argument(
        "--volunteers",
        type=int,
        metavar="N",
        help="volunteers whose votes the intervals are for, of models with the head dirichlet only (default: 44)",
    )
    parser.add_argument("--figure", type=Path, metavar="FOLDER", help="also draw each galaxy beside its decision tree")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="images at a time (default: 64)")
    parser.add_argument(
        "--shard",
        metavar="K/N",
        help="predict only the K-th of N equal shares of the images, into a file with the share in its name, such as "
        "predictions-3-of-8.csv",
    )
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first image that cannot be read or is doubtful"
    )


def add_reading(parser: argparse.ArgumentParser, views: int = 1) -> None:
    """Add the arguments that say by which models images are predicted, and how they are read.

    `views` is the number of views if the command line names none.
    """
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a trained model's folder; repeat for the mean of several (default: the project's best on valid)",
    )
    parser.add_argument(
        "--views",
        type=int,
        default=views,
        metavar="N",
        help="average N views of an image; 8: quarter turns, mirrored too; else: as many turns (default: %(default)d)",
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


def reading(arguments: argparse.Namespace, **more: Any) -> "Options":
    """Return the options that `add_reading` has asked for, and `more` of them."""
    from galaxy.inference.fits import FitsOptions
    from galaxy.inference.predictor import Options
    from galaxy.inference.read_image import Crop

    crop = None if arguments.crop is None else Crop.parse(arguments.crop)
    fits = FitsOptions(arguments.fits_scale, arguments.hdu, arguments.bands, arguments.survey)
    return Options(arguments.views, crop, fits, **more)


def run(arguments: argparse.Namespace) -> None:
    """Predict, write the table and the figures, and name the images that are left out."""
    from galaxy.inference import find_images, image_workers, outputs, plausibility, predictor, results

    out = outputs.STDOUT if arguments.out == Path("/dev/stdout") else arguments.out
    options = reading(
        arguments, batch_size=arguments.batch_size, interval=arguments.interval, volunteers=arguments.volunteers
    )
    shard = None if arguments.shard is None else results.Shard.parse(arguments.shard)
    images = find_images.find(arguments.images)
    models = predictor.find_models(*arguments.model)
    numbers = range(len(images))
    if shard is not None:
        numbers = shard.numbers(len(images), options.batch_size)
        out = out if out == outputs.STDOUT else shard.path(out)
    outputs.check(out, arguments.images, images)
    if arguments.figure is not None:
        outputs.check_figures(arguments.figure, arguments.images)
    image_workers.start()
    loaded = predictor.load(*models)
    readers = loaded.readers(options)
    draw = None
    if arguments.figure is not None:
        from galaxy.inference import tree_figure

        if not loaded.of_the_tree:
            raise GalaxyError(
                f"{models[0]} does not predict the 37 columns of the decision tree, so there is no tree to draw; leave "
                "out --figure"
            )
        draw = tree_figure.Drawing(arguments.figure, images, readers[0]).add
    summary = results.write(
        out,
        images,
        loaded.computations(options),
        numbers=numbers,
        batch_size=options.batch_size,
        digits=loaded.digits(options),
        run={"models": loaded.digests(), "options": repr(options), "figures": str(arguments.figure)},
        strict=arguments.strict,
        label=loaded.label,
        each=draw,
    )
    what = "galaxies" if loaded.of_the_tree else "images"
    by = ", ".join(f"{name} (trained on {source} {what})" for name, source in loaded.trained_on.items())
    readable = summary.images - summary.problems
    say = sys.stderr if out == outputs.STDOUT else sys.stdout
    if shard is not None:
        share = f"images {numbers.start + 1:,} to {numbers.stop:,}" if numbers else "none, so there is only a header"
        print(f"share {arguments.shard} of {len(images):,} images: {share}", file=say)
    print(f"{out}: {readable} {what} by {by}", file=say)
    if arguments.figure is not None:
        print(f"{arguments.figure}: {readable} figures", file=say)
    for folder, appearance in loaded.appearances.items():
        if appearance is None:
            print(f"warning: {folder}: {plausibility.NO_STATISTICS}", file=sys.stderr)
    if summary.problems:
        raise GalaxyError(
            f"{summary.problems} of {summary.images} images cannot be read (named above); the others are in {out}"
        )
