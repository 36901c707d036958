"""The central square of images."""

import numpy as np


def central_square(images: np.ndarray, side: int) -> np.ndarray:
    """Return the central `side`×`side` pixels of …×H×W×C images, as a view."""
    height, width = images.shape[-3:-1]
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side, :]
