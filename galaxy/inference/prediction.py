"""What networks predict for a batch of images: the mean over networks and views, by column, and what is doubtful."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from galaxy.data import test_time_views
from galaxy.inference import plausibility
from galaxy.inference.lists import FILE, WARNING
from galaxy.inference.read_image import Reader
from galaxy.inference.stream import Computed
from galaxy.models import intervals, predict
from galaxy.models.heads import PROBABILITIES
from galaxy.models.network import Network, Spec

LIKELIEST = "likeliest_class"
"""The column with a classifier's likeliest class, in front of the classes' probabilities."""


@dataclass(frozen=True)
class Interval:
    """Which intervals to give, with the residuals of each network: see `galaxy.models.intervals.of_several`."""

    level: float
    residuals: Sequence[dict[str, Any] | None]
    volunteers: int


def columns(spec: Spec, ends: bool = False) -> dict[str, np.dtype[Any]]:
    """Return names and types of what a network predicts: its outputs, and for a classifier the likeliest class.

    If `ends` are asked for, the ends of each output's interval follow: `<output>_low` and `<output>_high`.

    An output that is called as another column of ours gets `p_` before its name.
    """
    classes = spec.head_gives == PROBABILITIES
    taken = {FILE, WARNING, *([LIKELIEST] if classes else [])}
    found: dict[str, np.dtype[Any]] = {LIKELIEST: np.dtype(object)} if classes else {}
    for output in spec.outputs:
        name = output
        while name in taken or (name != output and name in spec.outputs):
            name = f"p_{name}"
        taken.add(name)
        found[name] = np.dtype(np.float32)
    if ends:
        for name in list(found):
            for end in (f"{name}_low", f"{name}_high"):
                while end in found:
                    end = f"p_{end}"
                found[end] = np.dtype(np.float32)
    return found


class Prediction:
    """Networks of the same outputs on one device.

    Args:
        readers: of each network; equal ones share the images.
        appearances: of each network's training images; None if unknown.
        views: their number, see `galaxy.data.test_time_views.of_number`.
        interval: which intervals to give; None: none.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        readers: Sequence[Reader],
        appearances: Sequence[dict[str, Any] | None],
        views: int,
        device: torch.device,
        interval: Interval | None = None,
    ) -> None:
        self._networks = [predict.prepared(network, device) for network in networks]
        self._readers, self._appearances, self._device = list(readers), list(appearances), device
        self._views = test_time_views.of_number(views)
        self._spec, self._interval = networks[0].spec, interval
        self.readers = tuple(dict.fromkeys(readers))
        self.columns = columns(self._spec, interval is not None)

    def __call__(self, images: Sequence[np.ndarray]) -> Computed:
        """Predict B images; see `galaxy.inference.stream.Compute`."""
        by_reader = dict(zip(self.readers, images, strict=True))
        with predict.computing(self._device):
            pixels = {reader: torch.from_numpy(array).to(self._device) for reader, array in by_reader.items()}
            found = [
                self._mean(network, pixels[reader])
                for network, reader in zip(self._networks, self._readers, strict=True)
            ]
        outputs = len(self._spec.outputs)
        mean = np.mean([own[:, :outputs] for own in found], axis=0)
        values: dict[str, np.ndarray] = {}
        names = list(self.columns)
        if self._spec.head_gives == PROBABILITIES:
            values[LIKELIEST] = np.array(self._spec.outputs, dtype=object)[mean.argmax(axis=1)]
            names.remove(LIKELIEST)
        values |= zip(names, mean.T, strict=False)
        if (asked := self._interval) is not None:
            questions = [network.questions for network in self._networks]
            low_high = intervals.of_several(found, asked.residuals, questions, asked.level, asked.volunteers)
            ends = np.stack(low_high, axis=2)
            values |= zip(names[outputs:], ends.reshape(len(ends), -1).T.astype(np.float32), strict=True)
        return Computed(values, self._doubts(by_reader))

    def _mean(self, network: Network, pixels: torch.Tensor) -> np.ndarray:
        """Return the mean over views of one network's predictions, B×outputs, and of what its intervals need."""
        pixels = predict.channels(pixels, network.spec)
        compute = network.shown if self._interval is None else network.with_totals
        return torch.stack([compute(view(pixels)) for view in self._views]).mean(dim=0).cpu().numpy()

    def _doubts(self, images: dict[Reader, np.ndarray]) -> list[str]:
        number = len(images[self.readers[0]])
        found: list[dict[str, None]] = [{} for _ in range(number)]
        for reader, appearance in zip(self._readers, self._appearances, strict=True):
            if appearance is not None:
                for row, text in enumerate(plausibility.warnings(images[reader], np.arange(number), appearance)):
                    found[row] |= {text: None} if text else {}
        return ["; ".join(sentences) for sentences in found]


def on_each_device(
    networks: Sequence[Network],
    readers: Sequence[Reader],
    appearances: Sequence[dict[str, Any] | None],
    views: int,
    interval: Interval | None = None,
) -> list[Prediction]:
    """Return equal predictions, one for each GPU, with copies of the networks; without a GPU, one on the CPU."""
    found = []
    for number, device in enumerate(predict.devices()):
        copies = networks if number == 0 else [copy.deepcopy(network) for network in networks]
        found.append(Prediction(copies, readers, appearances, views, device, interval))
    return found
