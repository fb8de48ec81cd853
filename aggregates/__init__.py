"""Results in PostgreSQL: tables derived from declarations, written by course, read by column."""
