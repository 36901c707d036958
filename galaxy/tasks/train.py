"""Train a classifier: from one model's section of a task's params and its examples to a saved model."""

from galaxy.core import files
from galaxy.core.paths import TrainingPaths
from galaxy.data.augmentation import Augment
from galaxy.data.batches import Images, TrainingData
from galaxy.models import starts
from galaxy.models.heads import LOGITS
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Train
from galaxy.tasks.split import balanced
from galaxy.training import objectives
from galaxy.training.run import describe_network, run


def train(options: Train, examples: Examples, paths: TrainingPaths) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    The metrics are those of the best epoch on valid. See `galaxy.training.run`.
    """
    side, size = examples.images.shape[1], options.input_size
    crop = size if options.augmentation.scale is None else side
    scored, labels = examples.network_input(crop, size), examples.labels
    train, valid = examples.rows("train"), examples.rows("valid")
    start = starts.read(options, size)
    spec = describe_network(
        options, start, scored, train, head=LOGITS, outputs=examples.classes, crop=crop, size=size, packed=side
    )
    drawn = balanced(train, labels, options.seed) if options.balance else train
    augment = Augment.crops(options.augmentation, side, size, options.seed)
    split = files.fingerprint(examples.table)
    data = TrainingData(
        train=Images(examples.images, labels, drawn, augment),
        valid=Images(scored, labels, valid),
        description={"training_images": len(drawn), "split": split, "source": examples.source},
    )
    run(options, spec, start.weights, objectives.classes(len(examples.classes), options.label_smoothing), data, paths)
