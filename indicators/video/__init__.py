"""How videos are watched (catalogue 3.5)."""
