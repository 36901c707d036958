"""The stages of `dvc.yaml`, one thin script each: read params, call `galaxy`, write outs."""
