"""courselens: learning analytics for Open edX over GraphQL."""
