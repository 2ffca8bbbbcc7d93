"""Metrics, intervals and the bootstrap: arrays in, numbers out."""
