"""Cluster services: a folder for each concern."""
