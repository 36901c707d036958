"""The stages of a pipeline of folds that the others lack, one thin script each."""
