"""Export a network to ONNX: raw pixels in, predictions out, compared with PyTorch on images."""

import csv
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from galaxy.core import files
from galaxy.core.errors import GalaxyError, describe
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.test_time_views import View
from galaxy.inference import model_card
from galaxy.models import predict, saved
from galaxy.models.network import Network, Spec

TOLERANCE = 1e-4
"""Largest accepted difference between ONNX and PyTorch: in a share of 1, or relative to the largest number."""

CHECKED = 64
"""Largest number of images to check with."""

INPUT = "images"
INSTALL = 'ONNX needs further packages; run `pip install "galaxy-zoo-pipeline[export]"`'


def export(folder: Path, target: Path, images: np.ndarray) -> tuple[int, float]:
    """Write a trained model as ONNX (uint8 N×size×size×C to N×outputs, any N), and its model card with the suffix .md.

    The output is called for what the head gives: `fractions`, `probabilities` …

    Args:
        images: N×size×size×3 uint8, RGB. ONNX must agree with PyTorch on them, one by one and all at once.

    Returns:
        The number of images compared, and the largest difference.

    Raises:
        GalaxyError: the network cannot be exported, or ONNX and PyTorch differ; then nothing is written.
    """
    network, card = saved.load(folder, any_outputs=True)
    size = network.spec.size
    if images.shape[1:] != (size, size, 3) or not len(images):
        raise GalaxyError(
            f"{folder} takes images of {size}×{size} pixels, but the images to check with are {images.shape}; "
            "run dvc repro, or name image files (--check IMAGE)"
        )
    sample = predict.channels(torch.from_numpy(images[checked(len(images))]), network.spec).numpy()
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


def checked(count: int) -> np.ndarray:
    """Return the numbers of the images to check with, of so many: at most `CHECKED`, from the first to the last."""
    return np.unique(np.linspace(0, count - 1, CHECKED).astype(int))


def packed_images(spec: Spec, folder: Path) -> np.ndarray:
    """Return the first packed test images in `folder` as a network of `spec` sees them: N×size×size×3 uint8."""
    test = Galaxies.open(folder, "test")
    cutout = Cutout(FieldOfView(spec.crop, spec.size), test.field_of_view)
    return View()(torch.from_numpy(np.array(test.images[:CHECKED])), cutout).round().to(torch.uint8).numpy()


class _Shown(nn.Module):
    """A network that gives what users are shown."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network.head.predictions(self.network(images))


def _write(network: Network, path: Path, data: dict[str, Any]) -> None:
    try:
        import onnxscript  # noqa: F401 (without it torch prints a page of text)
    except ImportError:
        raise GalaxyError(INSTALL) from None
    spec = network.spec
    example = torch.zeros((2, spec.size, spec.size, len(spec.mean)), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about its own modules
        try:
            program = torch.onnx.export(
                _Shown(network).eval(),
                (example,),
                input_names=[INPUT],
                output_names=[spec.head_gives],
                dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
                dynamo=True,
                verbose=False,
            )
        except Exception as error:  # torch's parts raise errors of any type
            raise GalaxyError(f"{spec.model} cannot be exported to ONNX: {describe(error)}") from None
    assert program is not None
    notes = program.model.metadata_props
    notes["columns"] = _csv_line(spec.outputs)
    if spec.packed is None:
        notes["crop_of_424_pixels"] = str(spec.crop)
    else:
        notes["resize_to"], notes["crop"] = str(spec.packed), str(spec.crop)
    notes["trained_on"] = str((data.get("source") or {}).get("source", "unknown"))
    program.save(path)


def _csv_line(names: Sequence[str]) -> str:
    """Return names in a line, separated by commas; a name with a comma is in quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _difference(network: Network, path: Path, images: np.ndarray) -> float:
    """Return the largest difference between ONNX and PyTorch, with the images one by one and all at once."""
    try:
        import onnxruntime
    except ImportError:
        raise GalaxyError(INSTALL) from None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = _Shown(network)(torch.from_numpy(images)).numpy()
    together = session.run(None, {INPUT: images})[0]
    alone = np.concatenate([session.run(None, {INPUT: image[None]})[0] for image in images])
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(np.stack([together, alone]) - expected).max()) / scale
