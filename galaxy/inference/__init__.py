"""Use trained models on your own images, and send a submission to Kaggle.

* `predictor`     predicts images: `galaxy.load(…).predict(…)`;
* `find_images`   finds the images that a user names;
* `lists`         reads lists of images: CSV, text, Parquet;
* `sources`       reads an image's bytes from a file, a zip or an array;
* `image_workers` reads many images, in processes of their own;
* `read_image`    reads one image as the input of a network;
* `fits`          reads FITS files as colour pictures;
* `fits_header`   units, pixels and bands of FITS files, by their headers or by options;
* `surveys`       zero points, pixels and bands of surveys by name;
* `plausibility`  warns of images unlike those of the training;
* `outputs`       writes predictions as CSV, Parquet or to the standard output;
* `tree_figure`   draws a galaxy beside its decision tree;
* `export`        writes a network as ONNX;
* `model_card`    writes a model card;
* `submission`    writes and checks the CSV for the leaderboard;
* `kaggle_submit` sends it.

A vote fraction is the share of all volunteers who give an answer. A view is an image, turned or mirrored. The galaxies
of valid choose the best epoch.
"""
