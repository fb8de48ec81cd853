"""GraphQL over HTTP: the only package that knows either."""
