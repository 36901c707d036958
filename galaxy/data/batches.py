"""Packed images in batches, for training and prediction.

Images stay uint8 and on disk (memory-mapped) until their batch is needed; the network normalises them on its device.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, SequentialSampler

from galaxy.core.errors import GalaxyError
from galaxy.data.augmentation import Augment
from galaxy.data.field_of_view import Cutout


class Images(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Some rows of an array of images and their targets, fetched a whole batch at a time.

    A sample's key is `epoch * len(self) + position`. Its augmentation is drawn from the key too, so a view depends only
    on the seed, the epoch and the galaxy, and not on the process that makes it.
    """

    def __init__(
        self, images: np.ndarray, targets: np.ndarray, rows: np.ndarray, augment: Augment | None = None
    ) -> None:
        self.images, self.targets, self.rows, self.augment = images, targets, rows, augment

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, targets = self.__getitems__([key])
        return images[0], targets[0]

    def __getitems__(self, keys: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch: B×H×W×C uint8 images and B targets."""
        rows = self.rows[np.asarray(keys) % len(self)]
        images = self.images[rows]
        if self.augment is not None:
            images = np.stack([self.augment(image, key) for image, key in zip(images, keys, strict=True)])
        return torch.from_numpy(images), torch.from_numpy(self.targets[rows])


@dataclass(frozen=True)
class TrainingData:
    """The data of a training.

    Attributes:
        train: the images to train on.
        valid: the images that choose the epoch.
        description: the data, for the model's card; a checkpoint is resumed only if it is the same.
        cutout: the part of `valid.images` that the network gets. None: all.
    """

    train: Images
    valid: Images
    description: dict[str, Any]
    cutout: Cutout | None = None


class ShuffledKeys(Sampler[int]):
    """Give every sample once per epoch, in an order drawn from the seed and the epoch (which Lightning sets)."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed, self.epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        yield from (self.epoch * self.count + order).tolist()


class SharedBatches(BatchSampler):
    """Share each batch of a sampler among the processes, in order and evenly.

    A last, smaller batch is shared as evenly as possible; a process without a share of it gets no batch.
    """

    def __iter__(self) -> Iterator[list[int]]:
        connected = distributed.is_available() and distributed.is_initialized()
        part, parts = (distributed.get_rank(), distributed.get_world_size()) if connected else (0, 1)
        for batch in super().__iter__():
            start = len(batch) * part // parts
            stop = len(batch) * (part + 1) // parts
            if stop > start:
                yield batch[start:stop]


def _whole(batch: Any) -> Any:
    """Return what `__getitems__` returned: it is a batch already."""
    return batch


def training_loader(data: Images, batch_size: int, seed: int, workers: int) -> DataLoader:
    """Return shuffled batches of one size, without the last few samples of an epoch.

    If several processes train, each gets its share of every batch; see `galaxy.training.distributed`.

    Raises:
        GalaxyError: there is not one full batch.
    """
    if batch_size > len(data):
        raise GalaxyError(
            f"batch_size is {batch_size}, but there are only {len(data)} images to train on; lower batch_size"
        )
    return DataLoader(
        data,
        batch_sampler=SharedBatches(ShuffledKeys(len(data), seed), batch_size, drop_last=True),
        collate_fn=_whole,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if workers else None,
        persistent_workers=workers > 0,  # otherwise each epoch starts new ones
    )


def ordered_loader(data: Images, batch_size: int) -> DataLoader:
    """Return every sample once, in order; if several processes run, each gets its share of every batch."""
    return DataLoader(
        data,
        batch_sampler=SharedBatches(SequentialSampler(data), batch_size, drop_last=False),
        collate_fn=_whole,
    )
