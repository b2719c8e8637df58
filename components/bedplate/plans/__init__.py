"""What a plan says: what a program registers, how two plans differ, and what must not be lost."""
