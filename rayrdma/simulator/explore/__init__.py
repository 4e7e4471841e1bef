"""Hunting for the schedule that breaks a protocol."""
