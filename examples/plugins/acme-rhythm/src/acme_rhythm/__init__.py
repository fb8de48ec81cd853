"""How often students come."""
