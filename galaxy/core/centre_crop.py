"""The central square of images."""

import cv2
import numpy as np


def central_square(images: np.ndarray, side: int) -> np.ndarray:
    """Return the central `side`×`side` pixels of …×H×W×C images, as a view."""
    height, width = images.shape[-3:-1]
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side, :]


def squares(images: np.ndarray, size: int) -> np.ndarray:
    """Return `square` of each of N images."""
    return np.stack([square(np.ascontiguousarray(image), size) for image in images])


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Return the central square of an H×W×C image, resized to `size`×`size` unless it has that size."""
    side = min(image.shape[:2])
    central = central_square(image, side)
    if side == size:
        return central
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(central, (size, size), interpolation=method).reshape(size, size, -1)
