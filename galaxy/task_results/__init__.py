"""Show what the models of a classification task are worth. No training depends on it, so its edits repeat none.

* `evaluate`   scores the models of each of a task's data sets;
* `scores`     scores models;
* `figures`    draws their figures;
* `submission` writes predicted classes as CSV.
"""
