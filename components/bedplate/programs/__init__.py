"""Programs of others that run beside us: built from their Go modules, kept in a cache, and ended when we end."""
