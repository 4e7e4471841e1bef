"""Carriers of memory operations and of messages between real processes."""
