"""The embedded engine: runs the program in this process, in place of the Pulumi engine."""

from bedplate.engine import unused_parts

unused_parts.load_later()
