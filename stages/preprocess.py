"""Decode, crop and resize every image into one packed array a set."""

from galaxy import params, preprocess, provenance, truth
from galaxy.errors import run
from stages import paths


def main() -> None:
    options = params.load().preprocess
    preprocess.preprocess(paths.RAW, paths.PREPROCESSED, options.crop, options.size)
    truth.carry(paths.RAW, paths.PREPROCESSED)
    provenance.write(paths.PREPROCESSED, provenance.read(paths.RAW))


if __name__ == "__main__":
    run(main)
