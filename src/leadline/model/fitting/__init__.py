"""How a model is chosen and fitted."""
