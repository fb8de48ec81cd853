"""The platform's tables: which columns mean what, whether they come from files or a server."""
