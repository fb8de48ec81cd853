"""Runs code of plugins in processes of their own: limited, watched, without credentials."""
