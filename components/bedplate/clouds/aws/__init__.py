"""AWS. The spec is plain data; the SDK is imported with `aws_cluster` only."""
