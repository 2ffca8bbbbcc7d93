"""From features to the matrix that models read."""
