"""The embedded engine: runs the program in this process, in place of the Pulumi engine."""
