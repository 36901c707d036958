"""Decode, crop and resize every image into one packed array a set."""

from galaxy import params, preprocess, provenance
from galaxy.errors import run
from stages import paths


def main() -> None:
    options = params.load().preprocess
    preprocess.preprocess(paths.RAW, paths.PREPROCESSED, options.crop, options.size)
    provenance.write(paths.PREPROCESSED, provenance.read(paths.RAW))


if __name__ == "__main__":
    run(main)
