"""The `courselens` command."""

from courselens.cli.entry import main

__all__ = ["main"]
