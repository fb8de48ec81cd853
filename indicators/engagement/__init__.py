"""Who is engaged, and who is at risk (catalogue 3.12)."""
