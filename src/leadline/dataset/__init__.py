"""What is asked about: snapshots, labels, splits, and the histories that pages read beside them."""
