"""How much sky an image holds, and which part of it a network takes as its input.

Images may be packed with more sky than a network gets. Then rotated and shifted views have real sky in their corners,
and networks with inputs of several sizes share one packed set.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from galaxy.core import files, paths
from galaxy.core.centre_crop import central_square
from galaxy.core.errors import GalaxyError


@dataclass(frozen=True)
class FieldOfView:
    """The central square of `crop` pixels of the original image, at `size` pixels."""

    crop: int
    size: int

    @classmethod
    def read(cls, folder: Path) -> "FieldOfView":
        """Read the field of view of the packed images in `folder`, as the preprocess stage wrote it."""
        return cls(**files.read_json(folder / paths.FIELD_OF_VIEW))


@dataclass(frozen=True)
class Cutout:
    """The part of the packed images that a network takes as its input.

    Raises:
        GalaxyError: the packed images hold less sky than the input needs.
    """

    input: FieldOfView
    packed: FieldOfView

    def __post_init__(self) -> None:
        if self.input.crop > self.packed.crop:
            raise GalaxyError(
                f"the network needs the central {self.input.crop} pixels of the original, but the images hold only "
                f"{self.packed.crop}; raise preprocess.crop, or lower the network's crop"
            )

    @property
    def share(self) -> float:
        """The input's share of the packed images' side."""
        return self.input.crop / self.packed.crop

    @property
    def whole(self) -> bool:
        """Whether the input is the packed images as they are."""
        return self.input == self.packed

    def central(self, images: np.ndarray) -> np.ndarray:
        """Return the input's pixels of N×H×W×C packed images, not resized."""
        return central_square(images, max(round(self.share * self.packed.size), 1))
