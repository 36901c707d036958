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
from galaxy.core.params import MOST_EPOCHS, Training
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
        return self.batch(np.asarray(keys) % len(self), keys)

    def batch(self, positions: np.ndarray, keys: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the images at B positions, with the augmentation that belongs to B keys, and their targets."""
        rows = self.rows[positions]
        images = self.images[rows]
        if self.augment is not None:
            images = np.stack([self.augment(image, key) for image, key in zip(images, keys, strict=True)])
        return torch.from_numpy(images), torch.from_numpy(self.targets[rows])


@dataclass(frozen=True)
class Taught:
    """Images whose targets are another model's predictions, and their share of each batch."""

    images: Images
    share: float


class Mixed(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Labelled images and then taught ones, as one data set; keys are as those of `Images`."""

    def __init__(self, labelled: Images, taught: Images) -> None:
        self.labelled, self.taught = labelled, taught

    def __len__(self) -> int:
        return len(self.labelled) + len(self.taught)

    def __getitems__(self, keys: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch, the labelled images first."""
        all_keys = np.asarray(keys)
        positions = all_keys % len(self)
        own = positions < len(self.labelled)
        chosen = ((self.labelled, own, 0), (self.taught, ~own, len(self.labelled)))
        parts = [
            part.batch(positions[mask] - start, all_keys[mask].tolist()) for part, mask, start in chosen if mask.any()
        ]
        images, targets = zip(*parts, strict=True)
        return torch.cat(images), torch.cat(targets)


@dataclass(frozen=True)
class TrainingData:
    """The data of a training.

    Attributes:
        train: the labelled images to train on.
        valid: the images that choose the epoch.
        description: the data, for the model's card; a checkpoint is resumed only if it is the same.
        cutout: the part of `valid.images` that the network gets. None: all.
        taught: further images to train on.
    """

    train: Images
    valid: Images
    description: dict[str, Any]
    cutout: Cutout | None = None
    taught: Taught | None = None


class ShuffledKeys(Sampler[int]):
    """Give each labelled sample once per epoch, in whole batches and an order drawn from seed and epoch.

    Lightning sets the epoch. The last few samples of an order, too few for a batch, are left out.

    Args:
        count: the number of labelled samples, whose positions come first.
        taught: the number of taught samples, at the positions after them.
        share: the share of each batch that is drawn from these.
    """

    def __init__(self, count: int, batch_size: int, seed: int, taught: int = 0, share: float = 0) -> None:
        self.count, self.taught, self.seed, self.epoch = count, taught, seed, 0
        self.per_batch = (batch_size - round(share * batch_size), round(share * batch_size))
        self.batches = count // self.per_batch[0]

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches * sum(self.per_batch)

    def __iter__(self) -> Iterator[int]:
        total, (labelled, taught) = self.count + self.taught, self.per_batch
        draw = np.random.default_rng([self.seed, self.epoch])
        keys = self.epoch * total + draw.permutation(self.count)[: self.batches * labelled]
        if taught:
            # A taught image that comes again in an epoch has another key, and so another view.
            again, place = np.divmod(np.arange(self.batches * taught), self.taught)
            positions = self.count + draw.permutation(self.taught)[place]
            extra = (self.epoch + MOST_EPOCHS * again) * total + positions
            mixed = np.hstack([keys.reshape(self.batches, -1), extra.reshape(self.batches, -1)])
            keys = draw.permuted(mixed, axis=1).ravel()  # so that each process gets some of both
        yield from keys.tolist()


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


def training_loader(options: Training, data: Images, taught: Taught | None = None) -> DataLoader:
    """Return shuffled batches, or equal parts of them (`gradient_accumulation`), labelled and taught images mixed.

    If several processes train, each gets its share of every part; see `galaxy.training.distributed`.

    Raises:
        GalaxyError: there is not one full batch.
    """
    batch_size, workers = options.batch_size, options.workers
    if batch_size > len(data):
        raise GalaxyError(
            f"batch_size is {batch_size}, but there are only {len(data)} images to train on; lower batch_size"
        )
    mixture = (0, 0.0) if taught is None else (len(taught.images), taught.share)
    keys = ShuffledKeys(len(data), batch_size, options.seed, *mixture)
    return DataLoader(
        data if taught is None else Mixed(data, taught.images),
        batch_sampler=SharedBatches(keys, options.part_size, drop_last=True),
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
