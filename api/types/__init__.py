"""The types of the schema, one noun a file."""
