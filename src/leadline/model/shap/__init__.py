"""Exact TreeSHAP values of the exported trees."""
