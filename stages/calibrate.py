"""Compare your galaxies with the competition's, in labels and pixels."""

from galaxy.core import params
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run


def main() -> None:
    params.load()  # no setting of them is used here, but a mistake stops the first stage that runs
    say("calibrate: starting")
    from galaxy.core import files, source_info
    from galaxy.evaluation import realism

    table = realism.compare(realism.measure_folder(PATHS.raw))
    content = realism.summarise(table, source_info.read(PATHS.raw))
    files.write_csv(PATHS.realism_table, table, float_format="%.6g")
    files.write_json(PATHS.realism, content)
    print(realism.terminal_table(table, content))


if __name__ == "__main__":
    run(main)
