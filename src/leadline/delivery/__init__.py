"""Where scores go: files, folders, PostgreSQL, CRM files; and what is erased."""
