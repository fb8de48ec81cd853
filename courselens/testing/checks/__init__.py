"""The contract suite, check by check."""
