"""Random views of images, by albumentations.

A galaxy has no up, no left and no preferred distance, so rotations, mirrorings and zooms leave its votes as they are.
All of the geometry is one affine warp: pixels are interpolated once.
"""

import os
import random
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or its import asks the network for a newer version

import albumentations as A  # noqa: N812 (the variable comes first; A is the library's own name)
import cv2
import numpy as np

from galaxy.data.field_of_view import Cutout
from galaxy.core.params import Augmentation
from galaxy.core.params import RandomCrop


class GalaxyWarp(A.ImageOnlyTransform):
    """Mirror, rotate, zoom, shift and cut out in one affine warp; beyond the image lies its mirror image, not black.

    Args:
        frame: what is cut out where nothing is random.
        crop: draw the side to show uniformly from this range, in pixels of the original, instead of zooming.
    """

    def __init__(
        self,
        frame: Cutout,
        flip: bool = False,
        rotation: float = 0,
        zoom: float = 1,
        shift: float = 0,
        crop: list[int] | None = None,
    ) -> None:
        super().__init__(p=1)
        self.frame, self.flip, self.rotation, self.zoom, self.shift = frame, flip, rotation, zoom, shift
        self.crop = crop

    def get_params(self) -> dict[str, Any]:
        """Draw one view: its 2×2 matrix, and its shift in sides of the image."""
        draw = self.random_generator
        angle = np.deg2rad(draw.uniform(-self.rotation, self.rotation))
        if self.crop is None:
            share = self.frame.share * np.exp(draw.uniform(-1, 1) * np.log(self.zoom))
        else:
            share = draw.uniform(*self.crop) / self.frame.shown.crop
        mirror = draw.choice([-1, 1], 2) if self.flip else np.ones(2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return {"matrix": turn * mirror / share, "shift": draw.uniform(-self.shift, self.shift, 2)}

    def apply(self, img: np.ndarray, matrix: np.ndarray, shift: np.ndarray, **_: Any) -> np.ndarray:
        """The view of an H×W×C image, about its centre."""
        size, side = self.frame.seen.size, self.frame.shown.size
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
        """The H×W×3 image, shifted and cut off at 0 and 255."""
        table = np.clip(np.rint(np.arange(256)[:, None] + shift), 0, 255).astype(np.uint8)
        return cv2.LUT(img, table[None])


def colour_axis(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The first principal axis of the pixels' colours, as long as their standard deviation along it (0–255).

    Args:
        images: N×H×W×3 uint8, of which at most 2,000 of those rows are looked at.
    """
    pixels = images[rows[:: -(-len(rows) // 2000)]].reshape(-1, images.shape[-1]).astype(np.float32)
    variances, axes = np.linalg.eigh(np.cov(pixels, rowvar=False))
    return axes[:, -1] * np.sqrt(variances[-1])


class Augment:
    """Views of single images as the params ask for, each drawn from the seed and the sample's key alone."""

    def __init__(self, steps: list[Any], seed: int) -> None:
        self.steps, self.seed = A.Compose(steps), seed

    @classmethod
    def of(cls, options: Augmentation, frame: Cutout, seed: int, colour: np.ndarray | None = None) -> "Augment | None":
        """The augmentation of galaxies that the options ask for, None where they ask for none.

        Args:
            frame: what the network sees of an image where nothing is random.
            colour: the axis to shift colours along (`colour_axis`), where the options ask for that.
        """
        steps: list[Any] = []
        moved = options.flip or options.rotation or options.zoom > 1 or options.shift or options.crop is not None
        if moved or not frame.whole:
            steps.append(GalaxyWarp(frame, options.flip, options.rotation, options.zoom, options.shift, options.crop))
        if colour is not None:
            steps.append(ColourShift(options.colour * colour))
        return cls._or_none(steps, options, seed)

    @classmethod
    def crops(cls, options: RandomCrop, side: int, size: int, seed: int) -> "Augment | None":
        """Views of `size`×`size` pixels out of square images of `side`, None where that is the image as it is."""
        steps: list[Any] = []
        if options.scale is not None:
            steps.append(
                A.RandomResizedCrop(
                    (size, size), tuple(options.scale), tuple(options.ratio), area_for_downscale="image"
                )
            )
        elif size < side + 2 * options.pad:
            steps += [A.Pad(options.pad, border_mode=cv2.BORDER_REFLECT_101)] if options.pad else []
            steps.append(A.RandomCrop(size, size))
        if options.flip:
            steps.append(A.HorizontalFlip())
        return cls._or_none(steps, options, seed)

    @classmethod
    def _or_none(cls, steps: list[Any], options: Augmentation | RandomCrop, seed: int) -> "Augment | None":
        """These steps, and the light that the options ask for."""
        if options.brightness or options.contrast:
            steps.append(A.RandomBrightnessContrast(options.brightness, options.contrast, p=1))
        return cls(steps, seed) if steps else None

    def __call__(self, image: np.ndarray, key: int) -> np.ndarray:
        """One view of an H×W×C uint8 image."""
        seed = (self.seed * 1_000_003 + key) % 2**32
        # One state for all steps: a state for each, as `set_random_seed` makes them, takes longer than some views.
        self.steps.set_random_state(np.random.default_rng(seed), random.Random(seed))
        return self.steps(image=image)["image"]
