"""Random views of images, by albumentations.

A galaxy has no up, no left and no preferred distance, so rotations, mirrorings and zooms leave its votes as they are.
All of the geometry is one affine warp: pixels are interpolated once.
"""

import os
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or its import asks the network for a newer version

import albumentations as A  # noqa: N812 (the variable comes first; A is the library's own name)
import cv2
import numpy as np

from galaxy.params import Augmentation, RandomCrop


class GalaxyWarp(A.ImageOnlyTransform):
    """Mirror, rotate, zoom and shift in one affine warp; outside of the image lies its mirror image, not black."""

    def __init__(self, flip: bool, rotation: float, zoom: float, shift: float) -> None:
        super().__init__(p=1)
        self.flip, self.rotation, self.zoom, self.shift = flip, rotation, zoom, shift

    def get_params(self) -> dict[str, Any]:
        """Draw one view: its 2×2 matrix, and its shift in sides of the image."""
        draw = self.random_generator
        angle = np.deg2rad(draw.uniform(-self.rotation, self.rotation))
        zoom = np.exp(draw.uniform(-1, 1) * np.log(self.zoom))
        mirror = draw.choice([-1, 1], 2) if self.flip else np.ones(2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return {"matrix": zoom * turn * mirror, "shift": draw.uniform(-self.shift, self.shift, 2)}

    def apply(self, img: np.ndarray, matrix: np.ndarray, shift: np.ndarray, **_: Any) -> np.ndarray:
        """The view of an H×W×C image, about its centre."""
        side = np.array(img.shape[1::-1])
        centre = (side - 1) / 2
        affine = np.column_stack([matrix, centre - matrix @ centre + shift * side])
        return cv2.warpAffine(
            img, affine, (int(side[0]), int(side[1])), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )


class Augment:
    """Views of single images as the params ask for, each drawn from the seed and the sample's key alone."""

    def __init__(self, steps: list[Any], seed: int) -> None:
        self.steps, self.seed = A.Compose(steps), seed

    @classmethod
    def of(cls, options: Augmentation, seed: int) -> "Augment | None":
        """The augmentation of galaxies that the options ask for, None where they ask for none."""
        steps: list[Any] = []
        if options.flip or options.rotation or options.zoom > 1 or options.shift:
            steps.append(GalaxyWarp(options.flip, options.rotation, options.zoom, options.shift))
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
        elif size < side:
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
        self.steps.set_random_seed((self.seed * 1_000_003 + key) % 2**32)
        return self.steps(image=image)["image"]
