"""Decode, crop and resize every image into one packed array per set."""

from galaxy.core.stage import run
from stages.arguments import parse


def main() -> None:
    options, paths = parse("preprocess", __doc__)
    from galaxy.ingest.preprocess import carry_notes, preprocess

    preprocess(paths.raw, paths.preprocessed, options.preprocess.crop, options.preprocess.size)
    carry_notes(paths.raw, paths.preprocessed)


if __name__ == "__main__":
    run(main)
