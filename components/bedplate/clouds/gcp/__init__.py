"""Google Cloud. The spec is plain data; the SDK is imported with `gcp_cluster` only."""
