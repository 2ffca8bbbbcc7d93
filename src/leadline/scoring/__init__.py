"""A night of scores: ranks, tiers, what refuses a night, what is held out."""
