"""How good the model is, and against what."""
