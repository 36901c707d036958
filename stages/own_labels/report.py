"""Write the report: one HTML page about the data, the models and their scores."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    say("report: starting")
    from galaxy.core import files
    from galaxy.own_labels import page
    from galaxy.own_labels.labelled import Labelled

    text = page.html(options, Labelled.open(PATHS.data / "labelled"), PATHS)
    with files.atomic(PATHS.report) as part:
        part.write_text(text)
    print(f"report: {PATHS.report} (open it in a browser)")


if __name__ == "__main__":
    run(main)
