"""The pages: the report, findings, one lead, the monitor."""
