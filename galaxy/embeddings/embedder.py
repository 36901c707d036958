"""Embed further images as those of a file of embeddings were, and show the file's own images."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from galaxy.core.errors import GalaxyError
from galaxy.embeddings import compute
from galaxy.embeddings.stored import Origin
from galaxy.inference import find_images, predictor, read_ahead
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.fits import FitsOptions
from galaxy.inference.image_list import Images
from galaxy.inference.lists import FILE
from galaxy.inference.read_image import Crop


class Embedder:
    """The model of a file of embeddings, which is loaded once.

    Raises:
        GalaxyError: the model is no longer there.
    """

    def __init__(self, origin: Origin) -> None:
        self._origin, self._folder = origin, Path(origin.model)
        crop = None if origin.crop is None else Crop.parse(origin.crop)
        self._loaded = predictor.load(*predictor.find_models(self._folder))
        options = predictor.Options(origin.views, crop, FitsOptions(**origin.fits))
        (self._reader,) = self._loaded.readers(options)

    def check(self) -> None:
        """Raise GalaxyError if the model is another one than when the file was made."""
        if self._loaded.digests()[str(self._folder)] != self._origin.digest:
            raise GalaxyError(
                f"{self._folder} is another model than that of the embeddings; make them again (galaxy embed)"
            )

    def vector(self, image: str | Path) -> np.ndarray:
        """Embed an image: the F numbers that the file would have for it.

        Raises:
            GalaxyError: it is no image, or several; or the model is another one.
        """
        images = find_images.find([image])
        if len(images) != 1:
            raise GalaxyError(f"{image}: {len(images)} images; name one")
        pixels, _, _ = read_ahead.read_images(images, self._reader, strict=True)
        return self._origin.reduced(np.column_stack(list(self._embedding([pixels]).columns.values())))[0]

    def pictures(self, names: Sequence[str], side: int) -> list[np.ndarray | None]:
        """Return images as the model saw them, side×side×3 uint8, by their names in the file, or of other files.

        Those that can no longer be read are None.
        """
        chosen = [
            self._images[self._places[name]] if name in self._places else find_images.find([name])[0] for name in names
        ]
        finer = self._reader.finer(side)
        pixels, problems, _ = read_ahead.read_images(chosen, finer, strict=False, label="draw")
        return [None if row in problems else pixels[row] for row in range(len(chosen))]

    @cached_property
    def _embedding(self) -> compute.Embedding:
        self.check()
        network = self._loaded.networks[str(self._folder)]
        return compute.on_each_device(network, self._reader, None, self._origin.views)[0]

    @cached_property
    def _images(self) -> Images:
        """The images of the file."""
        return find_images.find(self._origin.images)

    @cached_property
    def _places(self) -> dict[str, int]:
        """The number of each image of the file by its name; of equal names the first."""
        known = Catalogue(self._images, []).table(0, len(self._images))[FILE].tolist()
        return dict(zip(reversed(known), reversed(range(len(known))), strict=True))
