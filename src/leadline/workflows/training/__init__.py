"""Training, stage by stage."""
