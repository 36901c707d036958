"""Random views of images, by albumentations.

A view is an image rotated, mirrored, zoomed, shifted or recoloured. A galaxy has no up, no left and no preferred
distance, so its votes stay the same. All geometry is one affine warp: pixels are interpolated once.
"""

import math
import os
import random
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise the import asks the internet for a newer version

import albumentations as A  # noqa: N812 (the variable comes first; A is the library's own name)
import cv2
import numpy as np

from galaxy.core.params_views import Augmentation, RandomCrop
from galaxy.data.field_of_view import Cutout


class GalaxyWarp(A.ImageOnlyTransform):
    """Mirror, rotate, zoom, shift and cut out in one affine warp; its mirror image lies beyond the image's edge.

    Args:
        cutout: the part of the image to show if nothing is random.
        options: what is random, within which limits.
    """

    def __init__(self, cutout: Cutout, options: Augmentation) -> None:
        super().__init__(p=1)
        self.cutout, self.options = cutout, options

    def get_params(self) -> dict[str, Any]:
        """Draw one view: its 2×2 matrix, and its shift in sides of the image."""
        draw, options = self.random_generator, self.options
        angle = np.deg2rad(draw.uniform(-options.rotation, options.rotation))
        if options.crop is None:
            share = self.cutout.share * np.exp(draw.uniform(-1, 1) * np.log(options.zoom))
        else:
            share = draw.uniform(*options.crop) / self.cutout.packed.crop
        mirror = draw.choice([-1, 1], 2) if options.flip else np.ones(2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return {"matrix": turn * mirror / share, "shift": draw.uniform(-options.shift, options.shift, 2)}

    def apply(self, img: np.ndarray, matrix: np.ndarray, shift: np.ndarray, **_: Any) -> np.ndarray:
        """Return the view of an H×W×C image, about its centre."""
        size, side = self.cutout.input.size, self.cutout.packed.size
        scaled = matrix * size / side
        offset = (size - 1) / 2 - scaled @ np.full(2, (side - 1) / 2)
        affine = np.column_stack([scaled, offset + shift * size])
        return cv2.warpAffine(img, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


class ColourShift(A.ImageOnlyTransform):
    """Add a multiple of one colour to all pixels, drawn from the standard normal distribution."""

    def __init__(self, colour: np.ndarray) -> None:
        super().__init__(p=1)
        self.colour = colour

    def get_params(self) -> dict[str, Any]:
        """Draw one multiple."""
        return {"shift": self.random_generator.standard_normal() * self.colour}

    def apply(self, img: np.ndarray, shift: np.ndarray, **_: Any) -> np.ndarray:
        """Return the H×W×3 image, shifted and limited to 0 to 255."""
        table = np.clip(np.rint(np.arange(256)[:, None] + shift), 0, 255).astype(np.uint8)
        return cv2.LUT(img, table[None])


def colour_axis(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the first principal axis of the pixels' colours, as long as their standard deviation along it (0–255).

    Args:
        images: N×H×W×3 uint8.
        rows: the training rows; at most 2,000 of them are read, evenly spaced.
    """
    step = math.ceil(len(rows) / 2000)
    pixels = images[rows[::step]].reshape(-1, images.shape[-1]).astype(np.float32)
    variances, axes = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return axes[:, -1] * np.sqrt(variances[-1])


class Augment:
    """Make random views of single images; each depends only on the seed and the sample's key."""

    def __init__(self, steps: list[Any], seed: int) -> None:
        self.steps, self.seed = A.Compose(steps), seed

    @classmethod
    def of(cls, options: Augmentation, cutout: Cutout, seed: int, colour: np.ndarray | None = None) -> "Augment | None":
        """Return the augmentation of galaxies that the options ask for. None: nothing changes.

        Args:
            cutout: the part of the image that the network gets if nothing is random.
            colour: the axis to shift colours along (`colour_axis`), if the options ask for that.
        """
        steps: list[Any] = []
        moved = options.flip or options.rotation or options.zoom > 1 or options.shift or options.crop is not None
        if moved or not cutout.whole:
            steps.append(GalaxyWarp(cutout, options))
        if colour is not None:
            steps.append(ColourShift(options.colour * colour))
        return cls._or_none(steps, options, seed)

    @classmethod
    def crops(cls, options: RandomCrop, side: int, size: int, seed: int) -> "Augment | None":
        """Return views of `size`×`size` pixels from square images of `side`. None: the image stays as it is."""
        steps: list[Any] = []
        if options.scale is not None:
            scale, ratio = tuple(options.scale), tuple(options.ratio)
            steps.append(A.RandomResizedCrop((size, size), scale, ratio, area_for_downscale="image"))
        elif size < side + 2 * options.pad:
            steps += [A.Pad(options.pad, border_mode=cv2.BORDER_REFLECT_101)] if options.pad else []
            steps.append(A.RandomCrop(size, size))
        if options.flip:
            steps.append(A.HorizontalFlip())
        return cls._or_none(steps, options, seed)

    @classmethod
    def _or_none(cls, steps: list[Any], options: Augmentation | RandomCrop, seed: int) -> "Augment | None":
        """Add changes of brightness and contrast to the steps; return None if no step is left."""
        if options.brightness or options.contrast:
            steps.append(A.RandomBrightnessContrast(options.brightness, options.contrast, p=1))
        return cls(steps, seed) if steps else None

    def __call__(self, image: np.ndarray, key: int) -> np.ndarray:
        """Return one view of an H×W×C uint8 image."""
        seed = (self.seed * 1_000_003 + key) % 2**32
        # One state for all steps: `set_random_seed` would make one per step, which takes longer than some views.
        self.steps.set_random_state(np.random.default_rng(seed), random.Random(seed))
        return self.steps(image=image)["image"]
