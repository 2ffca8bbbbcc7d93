"""The families of features, one a module."""
