"""The leak gate: one module a subject, the evidence behind it, and gate.py, which lists every check by its code."""
