"""Find images like one, in a file that `galaxy embed` wrote."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

NUMBER = 12
"""How many are shown."""


@dataclass(frozen=True)
class Similar:
    """An image like the one that was dropped: its picture (H×W×3 uint8), or None if it is gone, and a line of words."""

    picture: np.ndarray | None
    caption: str


class SimilarImages:
    def __call__(self, path: Path) -> list[Similar]:
        raise NotImplementedError
