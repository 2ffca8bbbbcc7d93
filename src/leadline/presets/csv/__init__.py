"""A folder of CSV files or one flat file: what its columns are."""
