"""What goes wrong in a run, as data: the same for both engines."""
