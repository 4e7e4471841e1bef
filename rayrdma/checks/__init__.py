"""What a finished run is held against."""
