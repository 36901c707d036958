"""Decode, crop and resize every image into one packed array a set."""

from galaxy.core import params
from galaxy.ingest import preprocess
from galaxy.core import source_info
from galaxy.data import simulated_truth
from galaxy.core.errors import run
from stages import paths


def main() -> None:
    options = params.load().preprocess
    preprocess.preprocess(paths.RAW, paths.PREPROCESSED, options.crop, options.size)
    simulated_truth.carry(paths.RAW, paths.PREPROCESSED)
    source_info.write(paths.PREPROCESSED, source_info.read(paths.RAW))


if __name__ == "__main__":
    run(main)
