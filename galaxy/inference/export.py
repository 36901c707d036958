"""Export a network to ONNX: raw pixels in, vote fractions out, compared with PyTorch on images."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from galaxy.core import files
from galaxy.core.errors import GalaxyError, describe
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.test_time_views import View
from galaxy.inference import model_card
from galaxy.models import saved
from galaxy.models.network import Network, Spec

TOLERANCE = 1e-4
"""Largest accepted difference between ONNX and PyTorch, in a vote fraction."""

CHECKED = 64
"""Largest number of images to check with."""

INPUT, OUTPUT = "images", "fractions"
INSTALL = 'ONNX needs further packages; run `pip install "galaxy-zoo-pipeline[export]"`'


def export(folder: Path, target: Path, images: np.ndarray) -> tuple[int, float]:
    """Write a trained model as ONNX (uint8 N×size×size×3 to N×37, any N), and its model card with the suffix .md.

    Args:
        images: N×size×size×3 uint8. ONNX must agree with PyTorch on them, one by one and all at once.

    Returns:
        The number of images compared, and the largest difference.

    Raises:
        GalaxyError: the network cannot be exported, or ONNX and PyTorch differ; then nothing is written.
    """
    network, card = saved.load(folder)
    size = network.spec.size
    if images.shape[1:] != (size, size, 3) or not len(images):
        raise GalaxyError(
            f"{folder} takes images of {size}×{size} pixels, but the images to check with are {images.shape}; "
            "run dvc repro, or name image files (--check IMAGE)"
        )
    rows = np.unique(np.linspace(0, len(images) - 1, CHECKED).astype(int))
    sample = np.array(images[rows])
    with files.atomic(target) as part:
        _write(network, part, card.get("data") or {})
        difference = _difference(network, part, sample)
        if not difference <= TOLERANCE:
            raise GalaxyError(
                f"{folder}: ONNX and PyTorch differ by {difference:.2g}, more than {TOLERANCE:g}; nothing is written"
            )
        with files.atomic(target.with_suffix(".md")) as text:
            text.write_text(model_card.markdown(folder.name, card))
    return len(sample), difference


def packed_images(spec: Spec, folder: Path) -> np.ndarray:
    """Return the first packed test images in `folder` as a network of `spec` sees them: N×size×size×3 uint8."""
    test = Galaxies.open(folder, "test")
    cutout = Cutout(FieldOfView(spec.crop, spec.size), test.field_of_view)
    return View()(torch.from_numpy(np.array(test.images[:CHECKED])), cutout).round().to(torch.uint8).numpy()


def _write(network: Network, path: Path, data: dict[str, Any]) -> None:
    try:
        import onnxscript  # noqa: F401 (without it torch prints a page of text)
    except ImportError:
        raise GalaxyError(INSTALL) from None
    example = torch.zeros((2, network.spec.size, network.spec.size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about its own modules
        try:
            program = torch.onnx.export(
                network,
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # torch's parts raise errors of any type
            raise GalaxyError(f"{network.spec.model} cannot be exported to ONNX: {describe(error)}") from None
    assert program is not None
    notes = program.model.metadata_props
    notes["columns"] = ",".join(network.spec.outputs)
    notes["crop_of_424_pixels"] = str(network.spec.crop)
    notes["trained_on"] = str((data.get("source") or {}).get("source", "unknown"))
    program.save(path)


def _difference(network: Network, path: Path, images: np.ndarray) -> float:
    """Return the largest difference between ONNX and PyTorch, with the images one by one and all at once."""
    try:
        import onnxruntime
    except ImportError:
        raise GalaxyError(INSTALL) from None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).numpy()
    together = session.run([OUTPUT], {INPUT: images})[0]
    alone = np.concatenate([session.run([OUTPUT], {INPUT: image[None]})[0] for image in images])
    return float(np.abs(np.stack([together, alone]) - expected).max())
