"""Drift and realised performance."""
