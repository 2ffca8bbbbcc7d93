"""The config: one YAML file, read, checked and frozen, with every error told at once."""
