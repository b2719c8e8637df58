"""The project that `bedplate init` writes."""
