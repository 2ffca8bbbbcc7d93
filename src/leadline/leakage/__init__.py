"""The leak gate: one module a check, and the evidence behind each."""
