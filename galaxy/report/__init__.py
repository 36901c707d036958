"""Results for people to read: what a run of the pipeline did, and what a change of it did.

* `page`           the HTML report;
* `tables`         cells as text, for the pages of own labels and of tasks;
* `charts`         the report's charts as SVG;
* `likeliest_path` a galaxy's path through the decision tree, in words;
* `leaderboard`    where a score would have stood in 2014;
* `revisions`      params, votes and predictions of a commit or experiment.
"""
