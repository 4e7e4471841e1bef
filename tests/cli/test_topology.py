"""``rayrdma topology``: what a graph tolerates, for people and as JSON, and what is no graph."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rayrdma.cli import main


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["topology", *arguments]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    return " ".join(output.split())


def test_a_graph_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "petersen")
    for part in (
        "10, 15 edges, connected",
        "4/5 = 0.8 (exact",
        "paper tolerates 7 crashes of 10 (exact)",
        "Hybrid Ben-Or tolerates 8 crashes of 10 (exact); one more, and these alone wait for ever: {",
        "any algorithm tolerates 9 crashes of 10 (exact)",
    ):
        assert part in text


def test_a_graph_that_is_not_connected_is_fine_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "disjoint-clusters", "--sizes", "5,1,1")
    assert "7, 10 edges, not connected" in text
    assert "Hybrid Ben-Or tolerates 4 crashes of 7 (exact)" in text


def test_a_graph_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown(capsys, "ring", "--processes", "8", "--json"))
    assert (found["n"], found["degree_min"], found["degree_max"]) == (8, 2, 2)
    assert found["expansion"]["fraction"] == "1/2"
    assert found["paper_bound"] == {"value": 5, "kind": "exact", "witness": []}
    assert (found["hbo_tolerance"]["value"], found["hbo_tolerance"]["kind"]) == (5, "exact")
    assert len(found["hbo_tolerance"]["witness"]) == 2
    cut = found["partition_bound"]["witness"]
    assert (found["partition_bound"]["value"], len(cut["s"]), len(cut["t"])) == (5, 2, 2)


def test_without_time_for_a_solver_a_certificate_and_an_attack_have_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "random-regular", "--processes", "48", "--degree", "4", "--seconds", "0")
    assert "certified: at least" in text
    assert "attack found: at most" in text


def test_a_graph_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "path.edgelist").write_text("0 1\n1 2\n2 3\n")
    assert "4, 3 edges, connected" in shown(capsys, "file", "--file", str(tmp_path / "path.edgelist"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["random-regular", "--processes", "5", "--degree", "3"], "processes times degree must be even"),
        (["random-regular", "--processes", "4", "--degree", "4"], "0 to 3 neighbours"),
        (["ring", "--processes", "0"], "ring"),
        (["möbius"], "there is no topology 'möbius'"),
        (["ring", "--processes", "8", "--degree", "3"], "does not take degree"),
        (["torus", "--sizes", "4,x"], "give whole numbers"),
        (["file", "--file", "missing.gml"], "missing.gml"),
        (["complete", "--processes", "10000000"], "would take about"),
        (["petersen", "--seconds", "-1"], "seconds"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", *arguments]) == 64
    output, errors = capsys.readouterr()
    assert (output, errors.count("\n")) == ("", 1)
    assert problem in errors


def test_the_command_line_loads_what_is_slow_only_where_it_is_used() -> None:
    slow = "('ray', 'numba', 'scipy', 'networkx', 'matplotlib', 'pyarrow')"
    script = f"import sys, rayrdma.cli; print([name for name in {slow} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
