"""What a network sees in training: augmented views of training images, and their normalised pixels."""

import numpy as np
import pandas as pd

from galaxy.data.augmentation import Augment
from galaxy.models.network import Spec
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Train

CHECKED = 2000
"""Training images whose normalised pixels are checked, at most; evenly spaced."""


def views(options: Train, examples: Examples, rows: np.ndarray) -> np.ndarray:
    """Return a view of each of N rows as the first epoch draws them, N×size×size×C uint8."""
    side, size = examples.images.shape[1], options.input_size
    augment = Augment.crops(options.augmentation, side, size, options.seed)
    images = examples.images[rows]
    return images if augment is None else np.stack([augment(image, key) for key, image in enumerate(images)])


def chosen(examples: Examples, count: int) -> np.ndarray:
    """Return `count` rows of train, of each class in turn; fewer if there are fewer."""
    rows = examples.rows("train")
    labels = pd.Series(examples.labels[rows])
    return rows[np.lexsort((labels, labels.groupby(labels).cumcount()))[:count]]


def normalised(options: Train, spec: Spec, examples: Examples) -> pd.DataFrame:
    """Return `channel`, `mean` and `deviation` of training views as the network normalises them.

    They are near 0 and 1 unless the network takes the statistics of other images, those of its first weights.
    """
    rows = examples.rows("train")
    pixels = views(options, examples, rows[:: -(-len(rows) // CHECKED)]).astype(np.float32)
    scaled = (pixels - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    axes = (0, 1, 2)
    means, deviations = scaled.mean(axis=axes, dtype=np.float64), scaled.std(axis=axes, dtype=np.float64)
    return pd.DataFrame({"channel": range(len(spec.mean)), "mean": means, "deviation": deviations})
