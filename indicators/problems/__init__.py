"""How problems are tried and solved (catalogue 3.6)."""
