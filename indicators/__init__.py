"""The contract, the registry, the plan, shared intermediates and the built-in indicators."""
