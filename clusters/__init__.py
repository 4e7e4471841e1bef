"""Shared-memory graphs and where parties are placed."""
