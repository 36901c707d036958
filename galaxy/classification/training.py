"""Training a classifier: one section of a task's params, from packed examples to a saved model and its metrics."""

from galaxy import files, tasks, training_run
from galaxy.augmentation import Augment
from galaxy.classification import networks
from galaxy.classification.examples import Examples
from galaxy.classification.params import Train
from galaxy.classification.splits import balanced
from galaxy.datasets import Images
from galaxy.heads import LOGITS
from galaxy.outs import Outs

__all__ = ["networks", "train"]


def train(options: Train, examples: Examples, outs: Outs) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    The metrics are those of the best epoch on valid. See `galaxy.training_run`.
    """
    side, size = examples.images.shape[1], options.input_size
    crop = size if options.augmentation.scale is None else side
    scored, labels = examples.seen(crop, size), examples.labels
    train, valid = examples.rows("train"), examples.rows("valid")
    start = training_run.start(options, scored, train)
    spec = start.spec(head=LOGITS, outputs=examples.classes, crop=crop, size=size)
    seen = balanced(train, labels, options.seed) if options.balance else train
    training_run.run(
        start,
        spec,
        tasks.classes(len(examples.classes), options.label_smoothing),
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
