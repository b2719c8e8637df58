"""A Kubernetes API server of our own, built from its sources, with simulated nodes."""
