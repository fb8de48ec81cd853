"""The `courselens` command."""

from courselens.cli.main import app, main

__all__ = ["app", "main"]
