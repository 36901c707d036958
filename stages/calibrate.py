"""Measure how like the competition's galaxies those at hand are."""

from galaxy import calibration, files, provenance
from galaxy.errors import run
from stages import paths


def main() -> None:
    table = calibration.compare(calibration.measure_folder(paths.RAW))
    content = calibration.report(table, provenance.read(paths.RAW))
    files.write_csv(paths.CALIBRATION_TABLE, table, float_format="%.6g")
    files.write_json(paths.CALIBRATION, content)
    print(calibration.terminal_table(table, content))


if __name__ == "__main__":
    run(main)
