"""The message-and-memory model with permissions (P19, section 3): pure, no I/O, no clock, no randomness of its own."""
