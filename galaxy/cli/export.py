"""Export a trained model to ONNX, with a model card.

The file takes raw pixels (uint8, N×size×size×3, red green blue, any N) and returns the 37 vote fractions, or what else
the model predicts. It is compared with PyTorch on images before it is written. The card is written beside it, with the
suffix .md.
"""

import argparse
from pathlib import Path

from galaxy.core.errors import GalaxyError
from galaxy.core.paths import PATHS

EXAMPLES = """examples:
  galaxy export models/resnet resnet.onnx
  galaxy export models/resnet resnet.onnx --check my_images/"""

IMAGES = PATHS.preprocessed / "test.npy"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", type=Path, metavar="FOLDER", help="the trained model's folder")
    parser.add_argument("target", type=Path, metavar="FILE.onnx", help="the file to write")
    parser.add_argument(
        "--check",
        nargs="+",
        metavar="IMAGE",
        help=f"images to compare on, named as for `galaxy predict` (default: the project's own, {IMAGES})",
    )


def run(arguments: argparse.Namespace) -> None:
    """Export the model, and print how well it agrees with PyTorch."""
    if arguments.target.suffix != ".onnx":
        raise GalaxyError(f"{arguments.target}: the file to write must end in .onnx")
    from galaxy.inference import find_images, predictor

    predictor.find_models(arguments.model)
    sources = find_images.find(arguments.check) if arguments.check else []
    if not sources and not IMAGES.is_file():
        raise GalaxyError(f"{IMAGES}: no such file to check the export with; name some images (--check IMAGE)")
    from galaxy.inference import export, read_ahead

    loaded = predictor.load(arguments.model)
    (network,) = loaded.networks.values()
    if sources:
        chosen = [sources[number] for number in export.checked(len(sources))]
        images, _, _ = read_ahead.read_images(chosen, loaded.readers(predictor.Options())[0], strict=True)
    elif network.spec.packed is not None:
        raise GalaxyError(f"{IMAGES} are no images for {arguments.model}; name some of its own (--check IMAGE)")
    else:
        images = export.packed_images(network.spec, PATHS.preprocessed)
    count, difference = export.export(arguments.model, arguments.target, images)
    print(f"{arguments.target}: within {difference:.1e} of PyTorch on {count} images, one by one and together")
    print(f"{arguments.target.with_suffix('.md')}: the model card")
