"""Write the report: one HTML page about the data, the models and their scores."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    say("report: starting")
    import numpy as np
    import pandas as pd

    from galaxy.core import files, source_info
    from galaxy.data.galaxies import Galaxies
    from galaxy.evaluation import folds, scores
    from galaxy.report import page

    evaluated = files.read_json(PATHS.evaluation)
    galaxies, table, chosen_folds = (
        Galaxies.open(PATHS.preprocessed, "training"),
        pd.read_csv(PATHS.split),
        options.train_folds,
    )
    if chosen_folds is None:
        by_set = galaxies.rows(table)
        rows, sizes = by_set[evaluated["scored_on"]], {name: len(rows) for name, rows in by_set.items()}
        histories = {name: pd.read_csv(PATHS.training(name).history) for name in options.models}
    else:
        rows = np.flatnonzero(table["Fold"].isin(chosen_folds))
        sizes = {f"in {len(chosen_folds)} of {options.split.folds} folds": len(rows)}
        histories = {name: folds.mean_history(PATHS, name, chosen_folds) for name in options.models}
    content = page.Run(
        options=options.model_dump(exclude_unset=True),
        source=source_info.read(PATHS.preprocessed),
        evaluated=evaluated,
        histories=histories,
        questions=pd.read_csv(PATHS.rmse_by_question),
        predicted=pd.read_csv(PATHS.predictions / f"{evaluated['best']}.csv"),
        galaxies=galaxies,
        rows=rows,
        sizes=sizes,
    )
    text = page.html(content)
    with files.atomic(PATHS.report) as part:
        part.write_text(text)
    # `dvc repro` runs this stage last, so this is how it ends.
    print(scores.terminal_table(evaluated))
    print(f"submission: {PATHS.submission}")
    print(f"report: {PATHS.report} (open it in a browser)")


if __name__ == "__main__":
    run(main)
