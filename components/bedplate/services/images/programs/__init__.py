"""Programs that run in the cluster, with nothing but Python's own library."""
