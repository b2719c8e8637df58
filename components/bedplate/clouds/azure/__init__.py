"""Azure. The spec is plain data; the SDK is imported with `azure_cluster` only."""
