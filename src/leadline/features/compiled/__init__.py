"""The sweep over a sorted event log that stands in for SQL on large logs, equal to the bit."""
