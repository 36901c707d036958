"""Turn images into vectors in which similar images are near each other, for galaxy similar and galaxy unusual.

The vector is what the last layer of a model gets. IMAGE is as for galaxy predict. The columns of a list are kept. An
image that cannot be read is named and left out, and the exit status is then 1.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from galaxy.cli import predict
from galaxy.core.errors import GalaxyError

EXAMPLES = """examples:
  galaxy embed my_images/
  galaxy embed catalogue.csv --model models/resnet --pca 50 --out survey.parquet"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder, glob, zip or CSV of paths")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("embeddings.parquet"),
        metavar="FILE",
        help="the Parquet file to write (default: embeddings.parquet)",
    )
    parser.add_argument("--pca", type=int, metavar="N", help="keep only the first N principal components")
    predict.add_reading(parser, views=8)
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="images at a time (default: 64)")


def run(arguments: argparse.Namespace) -> None:
    """Embed the images and write the file."""
    from galaxy.inference import find_images, image_workers, outputs, predictor, results

    out, pca = arguments.out, arguments.pca
    if out.suffix != ".parquet":
        raise GalaxyError(f"{out}: embeddings are written as Parquet; name a file that ends in .parquet (--out)")
    if pca is not None and pca < 1:
        raise GalaxyError(f"--pca is {pca}; it must be 1 or more")
    if len(arguments.model) > 1:
        raise GalaxyError(
            f"--model names {len(arguments.model)} models, whose vectors have nothing in common; name one"
        )
    options = predict.reading(arguments, batch_size=arguments.batch_size)
    images = find_images.find(arguments.images)
    folders = predictor.find_models(*arguments.model)
    outputs.check(out, arguments.images, images)
    image_workers.start()
    loaded = predictor.load(*folders)
    from galaxy.embeddings import compute, stored

    (name, network), (reader,) = *loaded.networks.items(), loaded.readers(options)
    computes = compute.on_each_device(network, reader, loaded.appearances[name], options.views)
    whole = out.with_name(f".{out.stem}.whole.parquet")
    digest = loaded.digests()[name]
    summary = results.write(
        whole,
        images,
        computes,
        numbers=range(len(images)),
        batch_size=options.batch_size,
        digits={},
        run={"model": digest, "options": repr(options), "embed": True},
        strict=False,
        label=f"embed {folders[0].name}",
    )
    made = {
        "images": [str(Path(text).absolute()) for text in arguments.images],
        "model": str(folders[0].absolute()),
        "digest": digest,
        "views": options.views,
        "crop": arguments.crop,
        "fits": asdict(options.fits),
    }
    features = stored.finish(whole, out, made, pca)
    whole.unlink()
    print(f"{out}: {summary.images - summary.problems} images, {features} features each, by {folders[0]}")
    if summary.problems:
        print(f"{summary.problems} images are left out", file=sys.stderr)
        raise GalaxyError(
            f"{summary.problems} of {summary.images} images cannot be read (named above); the others are in {out}"
        )
