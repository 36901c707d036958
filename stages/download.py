"""Get the competition's zips, simulated, from a local folder or from Kaggle, and check them."""

from galaxy.core import params
from galaxy.ingest import download
from galaxy.core.errors import run
from stages import paths


def main() -> None:
    options = params.load().download
    counts = download.download(options, paths.RAW)
    print(f"{options.source}: {counts.training} training, {counts.test} test galaxies; ids, columns and sums checked")


if __name__ == "__main__":
    run(main)
