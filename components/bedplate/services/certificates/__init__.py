"""Who issues the certificates of hosts."""
