"""Where people come in: Traefik, and the ways to workloads."""
