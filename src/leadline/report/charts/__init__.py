"""Charts: SVG for pages, Matplotlib for MLflow."""
