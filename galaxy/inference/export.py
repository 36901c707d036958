"""A trained network as ONNX: raw pixels in, vote fractions out, checked against PyTorch on images."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from galaxy.core import files
from galaxy.inference import model_card
from galaxy.models import saved
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.models.network import Network

TOLERANCE = 1e-4
"""How far a fraction of the exported network may be from PyTorch's."""

CHECKED = 64
"""Images to check with, at most."""

INPUT, OUTPUT = "images", "fractions"

INSTALL = 'ONNX needs further packages; run `pip install "galaxy-zoo-pipeline[export]"`'


def export(folder: Path, target: Path, images: np.ndarray) -> tuple[int, float]:
    """Write `target` (ONNX, uint8 N×size×size×3 to N×37, any N) and beside it the model card, `<target's stem>.md`.

    Args:
        folder: of the trained model.
        images: some that it could meet, N×size×size×3 uint8: one by one and all at once they must give what PyTorch
            gives.

    Returns:
        How many images were compared, and the largest difference.

    Raises:
        GalaxyError: the network cannot be exported, or differs; then nothing is written.
    """
    network, card = saved.load(folder)
    size = network.spec.size
    if images.shape[1:] != (size, size, 3) or not len(images):
        raise GalaxyError(
            f"{folder} takes images of {size}×{size} pixels, those to check with are {images.shape}; "
            "run dvc repro, or name image files (--check IMAGE)"
        )
    some = np.array(images[np.unique(np.linspace(0, len(images) - 1, CHECKED).astype(int))])
    with files.atomic(target) as part:
        _write(network, part, card.get("data") or {})
        difference = _difference(network, part, some)
        if not difference <= TOLERANCE:
            raise GalaxyError(
                f"{folder}: ONNX and PyTorch differ by {difference:.2g}, more than {TOLERANCE:g}; nothing is written"
            )
        with files.atomic(target.with_suffix(".md")) as text:
            text.write_text(model_card.markdown(folder.name, card))
    return len(some), difference


def _write(network: Network, path: Path, data: dict[str, Any]) -> None:
    try:
        import onnxscript  # noqa: F401 (torch needs it, and says so in a page of text)
    except ImportError:
        raise GalaxyError(INSTALL) from None
    example = torch.zeros((2, network.spec.size, network.spec.size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, on its own modules
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
        except Exception as error:  # torch raises whatever its parts raise
            raise GalaxyError(f"{network.spec.model} cannot be exported to ONNX: {describe(error)}") from None
    assert program is not None
    program.model.metadata_props.update(
        {
            "columns": ",".join(network.spec.outputs),
            "crop_of_424_pixels": str(network.spec.crop),
            "trained_on": str((data.get("source") or {}).get("source", "unknown")),
        }
    )
    program.save(path)


def _difference(network: Network, path: Path, images: np.ndarray) -> float:
    """The largest difference between ONNX and PyTorch, one image at a time and all at once."""
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
