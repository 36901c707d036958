"""Score every model, their ensembles and the baselines on the test galaxies."""

from collections.abc import Sequence

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    say("evaluate: starting")
    import pandas as pd

    from galaxy.core import files, source_info
    from galaxy.data import simulated_truth
    from galaxy.data.galaxies import Galaxies
    from galaxy.data.test_time_views import ONE, View, views
    from galaxy.evaluation import coverage, ensemble, scores
    from galaxy.evaluation.scores import Predictions
    from galaxy.models import saved
    from galaxy.models.predict import predict_all

    names = list(options.models)
    all_views = views(options.evaluate.views)
    galaxies = Galaxies.open(PATHS.preprocessed, "training")
    rows = galaxies.rows(pd.read_csv(PATHS.split))

    def predict(name: str, chosen: Sequence[View]) -> Predictions:
        batch_size = options.evaluate.batch_size
        part = name if len(chosen) == 1 else f"{name}, {len(chosen)} views"
        by_model = predict_all(PATHS.models, names, galaxies, batch_size, rows[name], chosen, part=part, totals=True)
        return Predictions.of(galaxies.ids[rows[name]], galaxies.votes[rows[name]], by_model)

    valid = predict("valid", all_views)
    weights = ensemble.fit_weights(valid.by_name, valid.voted)
    # Without a test split the scores are on valid (the galaxies that choose the epoch), and the HTML report says so.
    scored_on = "test" if len(rows["test"]) else "valid"

    def with_ensembles(predictions: Predictions) -> Predictions:
        return predictions.with_ensembles(weights) if scored_on == "test" else predictions.with_fitted_ensembles()

    test = with_ensembles(valid if scored_on == "valid" else predict("test", all_views))
    test = scores.add_baselines(test, galaxies, rows["train"], rows[scored_on])
    single_view = with_ensembles(predict(scored_on, ONE)) if len(all_views) > 1 else None
    if scored_on == "valid":
        valid = test  # the same galaxies; only the weighted sum differs, whose RMSE on valid nobody reads
    else:
        valid = scores.add_baselines(valid.with_ensembles(weights), galaxies, rows["train"], rows["valid"])
    source = source_info.read(PATHS.preprocessed)
    expected = simulated_truth.expected(PATHS.preprocessed, test.ids)
    content = scores.summarise(
        test, scored_on, valid.rmse(), names, source, single_view=single_view, expected=expected, weights=weights
    )
    # Valid chose the epochs and gave the residuals, so only test can tell how often the intervals hold the votes.
    cards = {name: files.read_json(PATHS.model(name) / saved.CARD) for name in names} if scored_on == "test" else {}
    measured = coverage.table(test, cards, simulated_truth.median_volunteers(PATHS.preprocessed))
    if cards:
        content["intervals"] = coverage.summary(measured)
    histories = {name: pd.read_csv(PATHS.training(name).history) for name in names}

    scores.write_predictions(PATHS.predictions, test)
    files.write_csv(PATHS.rmse_by_question, scores.question_table(test), float_format="%.6f")
    files.write_csv(PATHS.rmse_by_column, scores.column_table(test), float_format="%.6f")
    files.write_csv(PATHS.coverage, measured, float_format="%.6f")
    scores.write_figures(PATHS.evaluation_figures, test, content, histories)
    files.write_json(PATHS.evaluation, content)
    print(scores.terminal_table(content))
    print(coverage.terminal_table(content["intervals"]) if cards else coverage.NOT_MEASURED)


if __name__ == "__main__":
    run(main)
