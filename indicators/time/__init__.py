"""How long students spend, and where (catalogue 3.2)."""
