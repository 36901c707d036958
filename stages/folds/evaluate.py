"""Score every model, their ensembles and the baselines on the galaxies that their models were trained without."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options, chosen_folds = params.load_folds()
    say("evaluate: starting")
    import pandas as pd

    from galaxy.core import files, source_info
    from galaxy.data import simulated_truth
    from galaxy.data.galaxies import Galaxies
    from galaxy.evaluation import ensemble, folds, scores

    names = list(options.models)
    galaxies = Galaxies.open(PATHS.preprocessed, "training")
    read = folds.read(PATHS, names, chosen_folds, galaxies, pd.read_csv(PATHS.split))
    held_out = read.with_ensembles(names)
    scored = held_out.predictions
    models = {name: scored.by_name[name] for name in names}
    weights, by_question = ensemble.fit_weights(models, scored.voted), ensemble.fit_by_question(models, scored.voted)
    source = source_info.read(PATHS.preprocessed)
    expected = simulated_truth.expected(PATHS.preprocessed, scored.ids)
    content = scores.summarise(
        scored,
        scores.HELD_OUT,
        held_out.valid_rmse,
        names,
        source,
        single_view=None,
        expected=expected,
        weights=weights,
    )
    content |= folds.summary(held_out, chosen_folds) | {"ensemble_weights_by_question": by_question}
    ensembles = folds.compare_ensembles(scored)
    histories = {name: folds.mean_history(PATHS, name, chosen_folds) for name in names}

    scores.write_predictions(PATHS.predictions, scored)
    files.write_csv(PATHS.rmse_by_question, folds.question_table(held_out), float_format="%.6f")
    files.write_csv(PATHS.rmse_by_column, scores.column_table(scored), float_format="%.6f")
    files.write_csv(PATHS.rmse_by_fold, folds.fold_table(held_out), float_format="%.6f")
    files.write_csv(PATHS.ensembles, ensembles, float_format="%.6f")
    scores.write_figures(PATHS.evaluation_figures, scored, content, histories)
    files.write_json(PATHS.evaluation, content)
    print(scores.terminal_table(content))
    print(folds.terminal_table(ensembles))


if __name__ == "__main__":
    run(main)
