"""Hours of tutoring, from a file of the tutoring centre."""
