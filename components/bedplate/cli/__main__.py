"""`python -m bedplate.cli`, for a revision of the project that is not installed."""

from bedplate.cli.app import main

main()
