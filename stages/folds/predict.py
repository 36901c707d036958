"""Predict the galaxies that a fold's model was trained without, and the test images: `… predict lite2 --fold 0`."""

from galaxy.core import params
from galaxy.core.paths import fold_name
from galaxy.core.stage import run
from stages.arguments import parse_model


def main() -> None:
    options = params.load_folds()[0]
    name, fold, _, paths = parse_model("folds.predict", __doc__)
    assert fold is not None  # there are folds
    import pandas as pd

    from galaxy.core import files
    from galaxy.data import galaxies as packed
    from galaxy.data import split
    from galaxy.data.galaxies import Galaxies
    from galaxy.data.test_time_views import views
    from galaxy.models import saved
    from galaxy.models.predict import predict

    label = fold_name(name, fold)
    network = saved.load(paths.model(label))[0]
    labelled, unlabelled = (Galaxies.open(paths.preprocessed, set_) for set_ in ("training", "test"))
    held_out = labelled.rows(split.of_fold(pd.read_csv(paths.split), fold))["test"]
    jobs = (("held_out", labelled, held_out, options.evaluate), ("test", unlabelled, None, options.make_submission))
    for part, galaxies, rows, how in jobs:
        predicted = predict(
            network,
            galaxies.images,
            how.batch_size,
            rows,
            views(how.views),
            galaxies.field_of_view,
            f"predict {label}, {part}",
        )
        ids = galaxies.ids if rows is None else galaxies.ids[rows]
        files.write_csv(paths.fold(name, fold) / f"{part}.csv", packed.table(ids, predicted), float_format="%.6f")


if __name__ == "__main__":
    run(main)
