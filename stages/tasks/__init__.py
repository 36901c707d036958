"""The stages of a task's `dvc.yaml`, one thin script each. They run in the task's folder."""
