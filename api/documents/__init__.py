"""Which documents are answered: registered or not, within the limits, at what price."""
