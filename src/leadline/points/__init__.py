"""Scoring by points: the rules of today, and the scorecard drawn from the model."""
