"""What every other package uses; it imports none of them.

* `decision_tree` the 11 questions and 37 columns of Galaxy Zoo 2;
* `competition`   names and sizes of the competition's files;
* `params`        the settings in `params.yaml`, typed and validated;
* `params_views`  the part of them on views of images: augmentation, and views in prediction;
* `params_file`   reading a params file, one line for each mistake;
* `paths`         where a pipeline keeps its files;
* `outside`       files that a pipeline reads and DVC does not watch;
* `leftovers`     results of models that the params no longer name;
* `files`         writing files that are whole or absent, checksums;
* `source_info`   `source.json`: where the galaxies came from;
* `stage`         a stage's run, and a check that its inputs stay as they are;
* `errors`        errors that a user can fix: one line, no traceback;
* `metrics`       RMSE, accuracy and the noise floor of vote fractions;
* `centre_crop`   the central square of images;
* `stretch`       from light in bands to a colour or grey picture;
* `templates`     texts with gaps to fill, by Jinja;
* `runtime`       a process's memory, output and helper processes.
"""
