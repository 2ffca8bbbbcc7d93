"""Sections about the funnel: what predicts conversion and what to change."""
