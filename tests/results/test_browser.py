"""Diagrams as a browser shows them: nothing is cut off, no text lies on another one, pointing shows values."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayrdma.mutants.disk_paxos import MUTANTS as DISK_PAXOS
from rayrdma.results.diagram import page
from tests.fuzz import Run, run
from tests.results.browser import opened
from tests.results.test_diagram import HOSTILE, hostile, live_log, take_over
from tests.results.test_quorums import disagreeing

pytestmark = pytest.mark.browser

OUTSIDE = """
[...document.querySelectorAll(".spacetime svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("*")].filter((part) => part.getBBox && part.tagName !== "title").filter((part) => {
    const box = part.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map((part) => `${part.outerHTML.slice(0, 160)} at ${JSON.stringify(part.getBoundingClientRect())}`);
})
"""
OVERLAPPING = """
[...document.querySelectorAll(".spacetime svg")].flatMap((svg) => {
  const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const overlap = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  return texts.flatMap(([one, a], number) => texts.slice(number + 1).filter(([, b]) =>
    overlap(a, b, "left", "right") > 2 && overlap(a, b, "top", "bottom") > 4
  ).map(([other]) => `${one} | ${other}`));
})
"""


def write(of: Run | str, folder: Path) -> Path:
    file = folder / "diagram.html"
    file.write_text(of if isinstance(of, str) else page(of.observation, "decided", "as it should"), encoding="utf-8")
    return file


PAGES = {
    "a take-over": take_over,
    "a disagreement": lambda: disagreeing(DISK_PAXOS, "a disk is read before it is written"),
    "cheap quorum": lambda: run_protocol("cheap-quorum"),
    "pbft": lambda: run_protocol("pbft"),
    "jitter": lambda: run_protocol("protected-memory-paxos", 3),
    "a live run": lambda: page(live_log(take_over()), "decided", "as it should"),
    "hostile values": lambda: page(hostile(), "violated", HOSTILE, [HOSTILE]),
}


def run_protocol(name: str, seed: int = 1) -> Run:
    from rayrdma.protocols import PROTOCOLS

    of = PROTOCOLS[name]
    return run(of, of.usual_processes, 3 if of.needs_memories else 0, seed)


@pytest.mark.parametrize("what", PAGES)
def test_all_of_it_is_seen(what: str, tmp_path: Path) -> None:
    with opened(write(PAGES[what](), tmp_path), tmp_path / "profile") as shown:
        assert shown.evaluate("document.querySelectorAll('.spacetime .t').length") > 0
        assert shown.evaluate(OUTSIDE) == []
        assert shown.evaluate(OVERLAPPING) == []
        # What is wider than the window scrolls within its frame; the page itself never does.
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert shown.errors == []


def test_pointing_at_something_shows_its_values(tmp_path: Path) -> None:
    with opened(write(take_over(), tmp_path), tmp_path / "profile") as shown:
        assert shown.evaluate("getComputedStyle(tip).display") == "none"
        x, y = shown.evaluate(
            "(() => { const box = document.querySelector('.nak').getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        shown.point_at(x, y)
        text = shown.evaluate("tip.textContent")
        assert shown.evaluate("getComputedStyle(tip).display") == "block"
        assert text.startswith("p0 → m0: write slots[0]\nvalue: Slot(1, 1, 'v0')\nissued at 0 as its operation 1;")
        assert text.endswith("response: nak")
        shown.point_at(2, 2)
        assert shown.evaluate("getComputedStyle(tip).display") == "none"
        assert shown.errors == []


def test_a_script_in_a_value_does_not_run(tmp_path: Path) -> None:
    file = write(page(hostile("<img src=x onerror='document.title=1'><script>document.title=2</script>")), tmp_path)
    with opened(file, tmp_path / "profile") as shown:
        assert shown.evaluate("document.title") == "protected-memory-paxos"
        assert shown.evaluate("document.images.length") == 0
        assert shown.evaluate("document.scripts.length") == 1
        assert shown.errors == []
