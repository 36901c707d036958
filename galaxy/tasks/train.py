"""Training a classifier: one section of a task's params, from packed examples to a saved model and its metrics."""

from galaxy.core import files
from galaxy.training import objectives
from galaxy.training import run
from galaxy.data.augmentation import Augment
from galaxy.models import small_classifiers
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Train
from galaxy.tasks.split import balanced
from galaxy.data.batches import Images
from galaxy.models.heads import LOGITS
from galaxy.core.paths import Outs

__all__ = ["networks", "train"]


def train(options: Train, examples: Examples, outs: Outs) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    The metrics are those of the best epoch on valid. See `galaxy.training.run`.
    """
    side, size = examples.images.shape[1], options.input_size
    crop = size if options.augmentation.scale is None else side
    scored, labels = examples.seen(crop, size), examples.labels
    train, valid = examples.rows("train"), examples.rows("valid")
    start = run.start(options, scored, train)
    spec = start.spec(head=LOGITS, outputs=examples.classes, crop=crop, size=size)
    seen = balanced(train, labels, options.seed) if options.balance else train
    run.run(
        start,
        spec,
        objectives.classes(len(examples.classes), options.label_smoothing),
        Images(examples.images, labels, seen, Augment.crops(options.augmentation, side, size, options.seed)),
        Images(scored, labels, valid),
        {"training_images": len(seen), "split": files.fingerprint(examples.table), "source": examples.source},
        lambda best, predicted: {
            "train_loss": float(best["train_loss"]),
            "valid_loss": float(best["valid_loss"]),
            "train_accuracy": float(best["train_accuracy"]),
            "valid_accuracy": float((predicted.argmax(axis=1) == labels[valid]).mean()),
        },
        outs,
    )
