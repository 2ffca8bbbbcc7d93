"""MLflow, bundles and versions. The only importer of MLflow."""
