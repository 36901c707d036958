"""Average what the models of all folds predict for the test images, and write the CSV for the leaderboard."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options, chosen_folds = params.load_folds()
    say("make_submission: starting")
    from galaxy.core import files
    from galaxy.data.galaxies import Galaxies
    from galaxy.evaluation import ensemble, folds
    from galaxy.inference import submission

    evaluation = files.read_json(PATHS.evaluation)
    chosen = options.make_submission.model
    chosen = evaluation["best"] if chosen == params.BEST else chosen
    galaxies = Galaxies.open(PATHS.preprocessed, "test")
    models = {name: folds.mean_over_folds(PATHS, name, chosen_folds, galaxies.ids) for name in options.models}
    by_question = {int(number): own for number, own in evaluation["ensemble_weights_by_question"].items()}
    predicted = ensemble.combine(models, evaluation["ensemble_weights"], by_question)[chosen]
    submission.write(PATHS.submission, galaxies.ids, predicted)
    rows = submission.validate(PATHS.submission, galaxies.ids)
    print(f"{PATHS.submission}: {rows} galaxies by {chosen}, the mean over {len(chosen_folds)} folds; valid")


if __name__ == "__main__":
    run(main)
