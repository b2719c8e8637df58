"""`python -m bedplate.cli`, for a revision of the project that is not installed."""

from bedplate.cli import main

main()
