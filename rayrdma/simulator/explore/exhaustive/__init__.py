"""Every schedule of a small system, by its states: what a state has led to once need not be looked at again."""
