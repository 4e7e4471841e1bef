"""The trade-off of fault tolerance against connections: its rows, as columns, drawn, on a page and at a terminal."""
