"""Write the report: one HTML page on the data, the models and how good they are."""

import pandas as pd

from galaxy.core import files
from galaxy.core import params
from galaxy.core import source_info
from galaxy.report import page
from galaxy.core.errors import run
from galaxy.data.galaxies import Galaxies
from stages import paths


def main() -> None:
    options = params.load()
    evaluated = files.read_json(paths.REPORT)
    page = page.html(
        page.Run(
            options=options.model_dump(),
            source=source_info.read(paths.PREPROCESSED),
            evaluated=evaluated,
            histories={n: pd.read_csv(params.out(paths.METRICS, n, "_history.csv")) for n in options.models},
            questions=pd.read_csv(paths.BY_QUESTION),
            predicted=pd.read_csv(paths.PREDICTIONS / f"{evaluated['best']}.csv"),
            galaxies=Galaxies.open(paths.PREPROCESSED, "training"),
            split=pd.read_csv(paths.SPLIT),
        )
    )
    with files.atomic(paths.PAGE) as part:
        part.write_text(page)
    print(f"{paths.PAGE}: {len(page.encode()):,} bytes; open it in a browser")


if __name__ == "__main__":
    run(main)
