"""From the competition's files, wherever they come from, to packed images.

* `download`        the three zips, from a simulation, a local folder or Kaggle;
* `kaggle_client`   logging in to Kaggle, calling its client, explaining its failures;
* `kaggle_download` the zips from Kaggle, resumed and checked;
* `zips`            reading zips of any origin;
* `archives`        reading and checking the competition's zips;
* `formats`         image files of any kind, to pixels;
* `decode`          one JPEG to a small square;
* `preprocess`      all JPEGs to packed sets, on all cores.
"""
