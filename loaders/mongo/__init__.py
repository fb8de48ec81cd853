"""Course structures and forum posts from the MongoDB of an Open edX site."""
