"""Write the report of a task: one HTML page about its models and what their numbers say."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    options = params.load()
    say("report: starting")
    from galaxy.core import files
    from galaxy.task_results import page

    text = page.html(options, PATHS)
    with files.atomic(PATHS.report) as part:
        part.write_text(text)
    print(f"report: {PATHS.report} (open it in a browser)")


if __name__ == "__main__":
    run(main)
