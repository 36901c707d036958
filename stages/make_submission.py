"""Predict the competition's test images, and write the CSV for the leaderboard."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    say("make_submission: starting")
    from galaxy.core import files
    from galaxy.data.galaxies import Galaxies
    from galaxy.data.test_time_views import views
    from galaxy.evaluation import ensemble
    from galaxy.inference import submission
    from galaxy.models.predict import predict_all

    settings = options.make_submission
    evaluation = files.read_json(PATHS.evaluation)
    chosen = evaluation["best"] if settings.model == params.BEST else settings.model
    names = list(options.models) if chosen in (params.MEAN, params.WEIGHTED) else [chosen]
    galaxies = Galaxies.open(PATHS.preprocessed, "test")
    chosen_views = views(settings.views)
    predicted = predict_all(PATHS.models, names, galaxies, settings.batch_size, views=chosen_views, part="test images")
    if chosen not in predicted:
        predicted = ensemble.combine(predicted, evaluation["ensemble_weights"])
    submission.write(PATHS.submission, galaxies.ids, predicted[chosen])
    rows = submission.validate(PATHS.submission, galaxies.ids)
    print(f"{PATHS.submission}: {rows} galaxies by {chosen}; valid")


if __name__ == "__main__":
    run(main)
