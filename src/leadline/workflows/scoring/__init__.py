"""Scoring, explaining and backfilling."""
