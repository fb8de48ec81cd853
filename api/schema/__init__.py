"""The schema, assembled from a registry; its file, its page, and how it may change."""
