"""Write the report: one HTML page about the data, the models and their scores."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    options = params.load()
    say("report: starting")
    import pandas as pd

    from galaxy.core import files, source_info
    from galaxy.data.galaxies import Galaxies
    from galaxy.evaluation import scores
    from galaxy.report import page

    evaluated = files.read_json(PATHS.evaluation)
    content = page.Run(
        options=options.model_dump(exclude_unset=True),
        source=source_info.read(PATHS.preprocessed),
        evaluated=evaluated,
        histories={name: pd.read_csv(PATHS.training(name).history) for name in options.models},
        questions=pd.read_csv(PATHS.rmse_by_question),
        predicted=pd.read_csv(PATHS.predictions / f"{evaluated['best']}.csv"),
        galaxies=Galaxies.open(PATHS.preprocessed, "training"),
        split=pd.read_csv(PATHS.split),
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
