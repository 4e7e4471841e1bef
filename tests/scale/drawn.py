"""Runs that Hypothesis draws: a graph, survivors, inputs, a setting."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rayrdma.simulator.batch.shard import ARRIVALS, COINS, Setting


@st.composite
def graphs(draw: st.DrawFn, most: int = 24) -> list[list[int]]:
    n = draw(st.integers(1, most))
    pairs = [(p, q) for q in range(n) for p in range(q)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3 * n)) if pairs else []
    return [sorted({p + q - r for p, q in edges if r in (p, q)}) for r in range(n)]


@st.composite
def runs(draw: st.DrawFn) -> dict[str, Any]:
    graph = draw(graphs())
    live = draw(st.sets(st.integers(0, len(graph) - 1), min_size=1))
    inputs = draw(st.lists(st.integers(0, 1), min_size=len(graph), max_size=len(graph)))
    setting = Setting(draw(st.integers(0, 2**62)), draw(st.sampled_from(COINS)), draw(st.sampled_from(ARRIVALS)))
    return {"graph": graph, "live": sorted(live), "inputs": inputs, "setting": setting}
