"""A rehearsal: the whole stack on a real API server, from nothing to nothing."""
