"""Show what the models of a classification task are worth. No training depends on it, so its edits repeat none.

* `evaluate`       scores the models of each of a task's data sets;
* `scores`         predicts and counts;
* `analyses`       when overfitting begins; class sizes and recall;
* `training_views` what a network sees in training;
* `figures`        draws figures;
* `page`           writes the report;
* `submission`     writes predicted classes as CSV.
"""
