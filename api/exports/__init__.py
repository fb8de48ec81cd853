"""Whole tables of a course as files: CSV, JSON lines and Parquet."""
