"""The commands as functions: one line a stage, no arithmetic."""
