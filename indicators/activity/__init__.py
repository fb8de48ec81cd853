"""What students do on the course, and when (catalogue 3.3)."""
