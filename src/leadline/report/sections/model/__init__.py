"""Sections about the model: how good it is and how sure."""
