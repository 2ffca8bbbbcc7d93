"""What marketing reads: the funnel, behaviours, assets, committees, intent, disqualifications."""
