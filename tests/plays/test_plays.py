"""Every play goes as it is written. ``python -m tests.plays`` writes them anew; read what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .play import Play, perform

SCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_play(script: Path) -> None:
    text = script.read_text()
    assert perform(text) == text


def test_there_are_plays() -> None:
    assert SCRIPTS


def test_a_command_that_no_play_has() -> None:
    with pytest.raises(ValueError, match="no play has the command 'dance'"):
        Play().perform("dance")


def test_a_play_that_goes_otherwise_is_noticed() -> None:
    text = SCRIPTS[0].read_text()
    changed = text.replace("decides", "refuses")
    assert changed != text
    assert perform(changed) != changed
