"""How packed images reach the training loop in batches.

Images stay uint8 and on disk (memory-mapped) until their batch is due; the network normalises them on its own device.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from galaxy.data.augmentation import Augment
from galaxy.core.errors import GalaxyError
from galaxy.data.batches import SharedBatches


class Images(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Some rows of an array of images and their targets, fetched a whole batch at a time.

    A sample is asked for by a key, `epoch * len(self) + position`, from which its augmentation is drawn too: a view
    depends on the seed, the epoch and the galaxy, never on which process made it or what was made before.
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
        """A batch: B×H×W×C uint8 images and B targets."""
        rows = self.rows[np.asarray(keys) % len(self)]
        images = self.images[rows]
        if self.augment is not None:
            images = np.stack([self.augment(image, key) for image, key in zip(images, keys, strict=True)])
        return torch.from_numpy(images), torch.from_numpy(self.targets[rows])


class ShuffledKeys(Sampler[int]):
    """Every sample once an epoch, in an order drawn from the seed and the epoch (Lightning tells which it is)."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed, self.epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.count)
        yield from (self.epoch * self.count + order).tolist()


def _whole(batch: Any) -> Any:
    """What `__getitems__` returns is a batch already."""
    return batch


def training_loader(data: Images, batch_size: int, seed: int, workers: int) -> DataLoader:
    """Shuffled batches, all of one size: the few samples left over wait for another epoch.

    Each of several processes gets its share of every batch, see `galaxy.training.distributed`.

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
        persistent_workers=workers > 0,  # or each epoch would start them anew
    )


def ordered_loader(data: Images, batch_size: int) -> DataLoader:
    """Every sample once, in order; each of several processes gets its share of every batch."""
    return DataLoader(
        data,
        batch_sampler=SharedBatches(SequentialSampler(data), batch_size, drop_last=False),
        collate_fn=_whole,
    )
