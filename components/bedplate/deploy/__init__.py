"""From a folder to a URL with a member's own rights: `bedplate deploy`, and what explains what became of it.

Owns the way of what members deploy themselves. Nothing of it runs in the cluster, and it deliberately knows no stack
file: what it needs of the platform stands in the tenant's namespace (see `tenants.offered`).
"""
