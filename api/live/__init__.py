"""Values that are made at request time from the platform's databases."""
