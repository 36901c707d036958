"""What part of the packed images a network sees, and at how many pixels.

Images may be packed with more of the sky than a network sees: then turned and shifted views have real sky in their
corners, and networks of several input sizes share one packed set.
"""

from dataclasses import dataclass

import numpy as np

from galaxy.core.errors import GalaxyError


@dataclass(frozen=True)
class FieldOfView:
    """The central square of `crop` pixels of the original, shown at `size` pixels."""

    crop: int
    size: int


@dataclass(frozen=True)
class Cutout:
    """What a network sees, out of what images show.

    Raises:
        GalaxyError: the images show less than that.
    """

    input: FieldOfView
    packed: FieldOfView

    def __post_init__(self) -> None:
        if self.seen.crop > self.shown.crop:
            raise GalaxyError(
                f"the network sees the central {self.seen.crop} pixels of the original, but the images show only "
                f"{self.shown.crop}; raise preprocess.crop, or lower the network's crop"
            )

    @property
    def share(self) -> float:
        """The part of the images' side that the network sees."""
        return self.seen.crop / self.shown.crop

    @property
    def whole(self) -> bool:
        """Whether the network sees the images as they are."""
        return self.seen == self.shown

    def central(self, images: np.ndarray) -> np.ndarray:
        """The pixels of N×H×W×C images that the network sees, not resized."""
        kept = max(round(self.share * self.shown.size), 1)
        start = (self.shown.size - kept) // 2
        return images[:, start : start + kept, start : start + kept]
