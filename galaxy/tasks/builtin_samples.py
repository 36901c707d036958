"""Make a tiny sample for each task without network or files: noisy gratings, one direction and colour per class."""

import numpy as np

from galaxy.tasks.readers import CIFAR10_CLASSES, FASHION_CLASSES, Collected

SPORTS = ("Basketball", "Football", "Rowing", "Swimming", "Tennis", "Yoga")
PERIOD = 8


def gratings(labels: np.ndarray, classes: int, size: int, channels: int, seed: int) -> np.ndarray:
    """Return N×size×size×channels uint8; the class sets the direction of the stripes and the strength per channel."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] * (2 * np.pi / PERIOD)
    angle = (labels * np.pi / classes)[:, None, None]
    phase = draw.uniform(0, 2 * np.pi, (len(labels), 1, 1))
    waves = np.sin(np.cos(angle) * x + np.sin(angle) * y + phase)
    strength = np.random.default_rng(classes).uniform(20, 60, (classes, channels))[labels]
    images = 128 + waves[..., None] * strength[:, None, None, :] + draw.normal(0, 20, (*waves.shape, channels))
    return images.clip(0, 255).astype(np.uint8)


def _numbered(classes: tuple[str, ...], size: int, channels: int) -> Collected:
    """Return 16 training and 4 test images per class. As in real data sets, one image is in both by mistake."""
    labels = np.tile(np.arange(len(classes)), 20)
    images = gratings(labels, len(classes), size, channels, seed=0)
    own_test = np.arange(len(labels)) >= 16 * len(classes)
    images[0] = images[16 * len(classes)]
    return Collected(images, [f"{i:05d}" for i in range(len(labels))], labels, classes, own_test)


def cifar10(size: int) -> Collected:
    """Return colour images of ten classes."""
    return _numbered(CIFAR10_CLASSES, size, 3)


def fashion_mnist(size: int) -> Collected:
    """Return grey images of ten classes."""
    return _numbered(FASHION_CLASSES, size, 1)


def sports(size: int) -> Collected:
    """Return six classes of 12 to 32 images, three images twice, and 12 unlabelled images, one of them labelled too."""
    labels = np.repeat(np.arange(len(SPORTS)), [12, 16, 20, 24, 28, 32])
    images = gratings(labels, len(SPORTS), size, 3, seed=0)
    images[1], images[20], images[60] = images[0], images[21], images[61]
    unlabelled = gratings(np.arange(12) % len(SPORTS), len(SPORTS), size, 3, seed=1)
    unlabelled[0] = images[2]
    names = [f"{SPORTS[label]}_{i}.jpg" for i, label in enumerate(labels)]
    own_test = np.zeros(len(labels), bool)
    return Collected(images, names, labels, SPORTS, own_test, unlabelled, [f"{i}.jpg" for i in range(12)])
