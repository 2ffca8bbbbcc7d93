"""From margins to probabilities, and how they follow a base rate that moves."""
