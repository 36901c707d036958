"""Get the competition's zips (simulated, from a local folder or from Kaggle) and check them."""

from galaxy.core.stage import run
from stages.arguments import parse


def main() -> None:
    options, paths = parse("download", __doc__)
    from galaxy.ingest.download import download

    source = options.download.source
    counts = download(options.download, paths.raw)
    print(f"{source}: {counts.training} training, {counts.test} test galaxies; ids, columns and sums checked")


if __name__ == "__main__":
    run(main)
