"""All SQL, and the only importer of the database driver."""
