"""Indicators for courselens."""
