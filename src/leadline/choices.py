"""What an option may be: short lists that commands, completion and the code behind them share."""

from __future__ import annotations

__all__ = ["DIALECTS", "PRESETS"]

PRESETS = ("csv", "hubspot", "salesforce")
"""Whose export `init` writes a config for."""

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "databricks", "redshift", "trino", "spark")
"""The engines whose spelling `sql` prints."""
