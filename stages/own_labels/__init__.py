"""The stages of a pipeline of own labels, one thin script each."""
