"""Predict the competition's test images and write the leaderboard's CSV."""

from galaxy.evaluation import ensemble
from galaxy.core import files
from galaxy.core import params
from galaxy.models import predict
from galaxy.inference import submission
from galaxy.data import test_time_views
from galaxy.core.errors import run
from galaxy.data.galaxies import Galaxies
from stages import paths


def main() -> None:
    options = params.load()
    how = options.make_submission
    report = files.read_json(paths.REPORT)
    chosen = report["best"] if how.model == params.BEST else how.model
    names = list(options.models) if chosen in (params.MEAN, params.WEIGHTED) else [chosen]
    galaxies = Galaxies.open(paths.PREPROCESSED, "test")
    predicted = predict.predict_all(
        paths.MODELS,
        names,
        galaxies.images,
        how.batch_size,
        views=test_time_views.views(how.views),
        shown=options.preprocess.window,
    )
    if chosen not in predicted:
        predicted = ensemble.combine(predicted, report["ensemble_weights"])
    submission.write(paths.SUBMISSION, galaxies.ids, predicted[chosen])
    rows = submission.validate(paths.SUBMISSION, galaxies.ids)
    print(f"{paths.SUBMISSION}: {rows} galaxies by {chosen}; valid")


if __name__ == "__main__":
    run(main)
