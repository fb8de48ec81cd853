"""Who asks, and what they may see: tokens, roles, the policy, and small numbers."""
