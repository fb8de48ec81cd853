"""Indicators of enrolment and demographics (catalogue 3.10)."""
