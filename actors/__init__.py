"""The Ray actors: process, memory, coordinator."""
