"""Measure how like the competition's galaxies those at hand are."""

from galaxy.evaluation import realism
from galaxy.core import files
from galaxy.core import source_info
from galaxy.core.errors import run
from stages import paths


def main() -> None:
    table = realism.compare(realism.measure_folder(paths.RAW))
    content = realism.report(table, source_info.read(paths.RAW))
    files.write_csv(paths.CALIBRATION_TABLE, table, float_format="%.6g")
    files.write_json(paths.CALIBRATION, content)
    print(realism.terminal_table(table, content))


if __name__ == "__main__":
    run(main)
