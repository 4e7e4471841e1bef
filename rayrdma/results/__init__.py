"""What a run leaves: the run folder, tables, pages."""
