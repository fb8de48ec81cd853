"""Datasets from files: course exports, research data packages, database dumps, forum files."""
