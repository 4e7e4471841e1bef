"""Write the plays anew, as they go now."""

from __future__ import annotations

from .play import perform
from .test_plays import SCRIPTS

for script in SCRIPTS:
    script.write_text(perform(script.read_text()))
