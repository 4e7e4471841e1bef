"""A run as a space-time diagram: told from its trace, laid out, drawn, on one self-contained page."""

from .document import page

__all__ = ["page"]
