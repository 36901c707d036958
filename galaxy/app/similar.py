"""Find images like the one that was dropped, in a file that `galaxy embed` wrote."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from galaxy.embeddings import neighbours, stored
from galaxy.embeddings.embedder import Embedder
from galaxy.inference.lists import FILE

NUMBER, SIDE = 12, 200
"""How many are shown, and how large, in pixels."""


@dataclass(frozen=True)
class Similar:
    """An image like the one that was dropped: its name, its similarity (cosine), and its picture, if it can be read."""

    name: str
    similarity: float
    picture: np.ndarray | None


class SimilarImages:
    """Finds images in a file of embeddings.

    Raises:
        GalaxyError: the file is none of embeddings, or its model or its images are no longer there.
    """

    def __init__(self, path: Path) -> None:
        self._found = stored.read(path)
        self._embedder = Embedder(self._found.origin)
        self._embedder.check()
        self._embedder.pictures(self._found.table[FILE].tolist()[:1], SIDE)

    def __call__(self, path: Path) -> list[Similar]:
        """Return the images most similar to that of a file, the most similar first."""
        rows, cosine = neighbours.similar(self._embedder.vector(path), self._found.features, NUMBER)
        names = self._found.table[FILE].iloc[rows].tolist()
        pictures = self._embedder.pictures(names, SIDE)
        return [Similar(*each) for each in zip(names, map(float, cosine), pictures, strict=True)]
