"""Compute embeddings of images: what a network's last layer gets, a vector per image in which similar ones are near."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from galaxy.data import test_time_views
from galaxy.inference import plausibility
from galaxy.inference.read_image import Reader
from galaxy.inference.stream import Computed
from galaxy.models import predict
from galaxy.models.network import Network

PREFIX = "feature_"
"""Columns of embeddings are called `feature_0`, `feature_1` …"""


class Embedding:
    """A network's embeddings of batches of images; see `galaxy.inference.stream.Compute`.

    Args:
        reader: of the network's images.
        appearance: of the network's training images; None if unknown.
        views: their number, of which the mean is taken; see `galaxy.data.test_time_views.of_number`.
    """

    def __init__(
        self, network: Network, reader: Reader, appearance: dict[str, Any] | None, views: int, device: torch.device
    ) -> None:
        self._network, self._device = predict.prepared(network, device), device
        self._views, self._appearance = test_time_views.of_number(views), appearance
        self.readers = (reader,)
        size = network.spec.size
        with predict.computing(device):
            empty = torch.zeros((1, size, size, len(network.spec.mean)), dtype=torch.uint8, device=device)
            count = self._network.features(empty).shape[1]
        self.columns = {f"{PREFIX}{number}": np.dtype(np.float32) for number in range(count)}

    def __call__(self, images: Sequence[np.ndarray]) -> Computed:
        """Embed B images."""
        (pixels,) = images
        with predict.computing(self._device):
            batch = predict.channels(torch.from_numpy(pixels).to(self._device), self._network.spec)
            found = torch.stack([self._network.features(view(batch)) for view in self._views]).mean(dim=0)
        values = dict(zip(self.columns, found.float().cpu().numpy().T, strict=True))
        if self._appearance is None:
            return Computed(values, [""] * len(pixels))
        return Computed(values, plausibility.warnings(pixels, np.arange(len(pixels)), self._appearance))


def on_each_device(network: Network, reader: Reader, appearance: dict[str, Any] | None, views: int) -> list[Embedding]:
    """Return equal computations, one for each GPU, with copies of the network; without a GPU, one on the CPU."""
    return [
        Embedding(network if number == 0 else copy.deepcopy(network), reader, appearance, views, device)
        for number, device in enumerate(predict.devices())
    ]
