"""Networks that predict vote fractions (the share of a galaxy's volunteers who gave each answer), or classes.

* `network`           normalisation, backbone and head in one; building a network;
* `architectures`     our CNN for galaxies, in timm's registry;
* `small_classifiers` our networks for the tasks, in timm's registry;
* `plain_resnets`     ResNets without their shortcuts, in timm's registry;
* `heads`             from logits to vote fractions;
* `initial_weights`   weights to start a training from;
* `starts`            what a training starts from: network, arguments, weights; `hf-hub:` and `local-dir:`;
* `hub`               files of repositories on the Hugging Face Hub;
* `saved`             trained models in files;
* `predict`           predictions for packed images;
* `intervals`         between which fractions the votes will lie;
* `vote_chances`      the chances of each number of votes, by predicted concentrations;
* `residuals`         the distribution of votes around predictions, by valid's residuals.
"""
