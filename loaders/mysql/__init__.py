"""Facts of a running installation's MySQL: read-only, paged by keys, bounded in every way."""
