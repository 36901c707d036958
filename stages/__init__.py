"""The stages of a pipeline's `dvc.yaml`, one thin script each: read the params, call the library, write the files.

Each checks the whole params file before it imports what takes seconds, so that a mistake in any section shows at once.
They run in the pipeline's folder. With `--start` they use the section `start` of the params, and files in `start/`.
"""

import gc

# A stage that trains imports a million objects, and looking for garbage after each 700 of them, Python's default in
# 3.11, makes its start slower.
gc.set_threshold(10_000)
