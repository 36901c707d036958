"""Score every model, their mean and the baselines on the test galaxies."""

from collections.abc import Sequence

import pandas as pd

from galaxy.evaluation import ensemble
from galaxy.evaluation import scores
from galaxy.core import files
from galaxy.core import params
from galaxy.core import source_info
from galaxy.data import simulated_truth
from galaxy.data import test_time_views
from galaxy.core.errors import run
from galaxy.evaluation.scores import Scored
from galaxy.data.galaxies import Galaxies
from galaxy.models.predict import predict_all
from galaxy.data.test_time_views import View
from stages import paths


def main() -> None:
    options = params.load()
    names = list(options.models)
    shown = options.preprocess.window
    several = test_time_views.views(options.evaluate.views)
    galaxies = Galaxies.open(paths.PREPROCESSED, "training")
    rows = galaxies.rows(pd.read_csv(paths.SPLIT))

    def scored(name: str, seen: Sequence[View]) -> Scored:
        predicted = predict_all(
            paths.MODELS, names, galaxies.images, options.evaluate.batch_size, rows[name], seen, shown
        )
        return Scored(galaxies.ids[rows[name]], galaxies.votes[rows[name]], predicted)

    valid = scored("valid", several)
    weights = ensemble.fit_weights(valid.predictions, valid.voted)
    valid = valid.with_ensembles(weights)
    # Without a test split there is nothing else to score on; the report says so.
    scored_on = "test" if len(rows["test"]) else "valid"
    test = valid if scored_on == "valid" else scored("test", several).with_ensembles(weights)
    single_view = scored(scored_on, test_time_views.ONE).with_ensembles(weights) if len(several) > 1 else None
    test = scores.add_baselines(test, galaxies, rows["train"], rows[scored_on])
    content = scores.report(
        test,
        scored_on,
        valid,
        names,
        source_info.read(paths.PREPROCESSED),
        single_view=single_view,
        expected=simulated_truth.expected(paths.PREPROCESSED, test.ids),
        weights=weights,
    )
    histories = {name: pd.read_csv(params.out(paths.METRICS, name, "_history.csv")) for name in names}

    scores.write_predictions(paths.PREDICTIONS, test, names)
    files.write_csv(paths.BY_QUESTION, scores.question_table(test), float_format="%.6f")
    files.write_csv(paths.BY_COLUMN, scores.column_table(test), float_format="%.6f")
    scores.write_figures(paths.EVALUATE_FIGURES, test, content, histories)
    files.write_json(paths.REPORT, content)
    print(scores.terminal_table(content))


if __name__ == "__main__":
    run(main)
