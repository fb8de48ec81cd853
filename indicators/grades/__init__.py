"""Indicators of grades and progress (catalogue 3.1)."""
