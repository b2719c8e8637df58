"""From YAML to a consistent spec, or every mistake with its place."""
