"""What everything stands on: the clock rule, the only writer of files, randomness, checks, numbers as text."""
