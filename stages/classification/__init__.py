"""The stages of `classification/<task>/dvc.yaml`, one thin script each; the task is their first argument."""
