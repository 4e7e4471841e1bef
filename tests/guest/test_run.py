"""How commands run in a guest, with a shell of this machine in the place of the guest's."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.leftovers import runs, wait_for
from tests.guest import GuestError, suite
from tests.guest.machine import Machine
from tests.guest.run import Answers, Guest, TimeLimit


def shell(before: str = r"printf '\0status 0\n'; exec bash") -> Machine:
    """A process that does what a guest's first one does once its port is open."""
    port, guests_port = socket.socketpair()
    console = tempfile.TemporaryFile()  # noqa: SIM115 - the guest closes it
    with guests_port:
        wire = guests_port.fileno()
        process = subprocess.Popen(
            ["bash", "-c", before], stdin=wire, stdout=wire, stderr=console, start_new_session=True
        )
    return Machine(process, port, console, None)


@pytest.fixture
def echo() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def guest(echo: io.BytesIO) -> Iterator[Guest]:
    with Guest(shell(), ["exec 2>&1"], echo) as guest:
        yield guest


def test_a_command_has_its_status_and_its_output(guest: Guest, echo: io.BytesIO) -> None:
    assert guest.run("echo one; echo two >&2; exit 3", 30) == 3
    assert guest.output() == "one\ntwo\n"
    assert guest.run("echo three", 30) == 0
    assert guest.output() == "three\n"
    assert echo.getvalue() == b"one\ntwo\nthree\n"


def test_a_command_may_say_what_ends_others(guest: Guest) -> None:
    """It has a shell and an input of its own."""
    assert guest.run("cat; exit 1; echo 'unheard", 30) == 2
    assert guest.run("cd /; kill $$", 30) == 128 + 15
    assert guest.run("pwd", 30) == 0
    assert guest.output() == f"{os.getcwd()}\n"


def test_bytes_pass_as_they_are(guest: Guest, echo: io.BytesIO) -> None:
    assert guest.run(r"printf 'a\0b\r\n\377\0'; head -c 300000 /dev/zero", 30) == 0
    assert echo.getvalue() == b"a\0b\r\n\xff\0" + bytes(300_000)


def test_what_a_command_leaves_in_the_background_does_not_hold_it_up(guest: Guest) -> None:
    assert guest.run("(while sleep 0.01; do echo more; done) & exit 4", 30) == 4
    assert guest.run("while sleep 0.01; do echo enough; done | head -n 3", 30) == 0
    assert guest.output().count("enough\n") == 3


def test_a_line_can_be_waited_for_while_the_command_runs(guest: Guest, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    guest.start(f"echo port 7000; read line <{gate}; echo $line")
    assert guest.wait_for(r"port (\d+)\n", 30)[1] == "7000"
    gate.write_text("go on\n")
    assert guest.wait(30) == 0
    assert guest.output() == "port 7000\ngo on\n"


def test_a_line_that_does_not_come_is_not_waited_for(guest: Guest) -> None:
    guest.start("echo something else")
    with pytest.raises(GuestError, match=r"ended without printing 'port': something else"):
        guest.wait_for("port", 30)


def test_a_command_has_its_time(guest: Guest) -> None:
    with pytest.raises(TimeLimit, match=r"^the command runs still after 0\.1 s$"):
        guest.run("sleep 1000", 0.1)


def test_a_guest_that_dies_says_its_last_words() -> None:
    with Guest(shell(), ["true"]) as guest:
        with pytest.raises(GuestError) as death:
            guest.run("echo 'Kernel panic - not syncing' >&2; kill -9 $PPID", 30)
        assert str(death.value) == "the guest died (exit status -9) | Kernel panic - not syncing"
        with pytest.raises(GuestError, match=r"^the guest is dead"):
            guest.run("true", 30)


def test_a_guest_that_does_not_come_up_says_why() -> None:
    with pytest.raises(GuestError, match=r"^the guest died \(exit status 1\) \| no root$"):
        Guest(shell("echo no root >&2; exit 1"), [])


def test_a_guest_that_cannot_be_set_up_says_why() -> None:
    machine = shell()
    with pytest.raises(GuestError, match=r"^the guest cannot be set up: no device$"):
        Guest(machine, ["echo no device", "false", "echo not reached"])
    assert machine.process.poll() is not None


def test_leaving_a_guest_ends_all_that_runs_in_it() -> None:
    with Guest(shell(), ["true"]) as guest:
        guest.start("echo $$; exec sleep 1000")
        pid = int(guest.wait_for(r"(\d+)\n", 30)[1])
        assert runs(pid)
    wait_for(lambda: not runs(pid), "the command's end")


@pytest.mark.parametrize("piece", [1, 2, 5, 1000])
def test_a_mark_is_known_however_it_is_cut(piece: int) -> None:
    sent = b"a line\n\0not a mark\n\0\0status 37\n"
    answers = Answers()
    output, statuses = b"", []
    for start in range(0, len(sent), piece):
        part, status = answers.feed(sent[start : start + piece])
        output += part
        statuses += [] if status is None else [status]
    assert (output, statuses) == (b"a line\n\0not a mark\n\0", [37])


@pytest.mark.parametrize(
    ("printed", "ran"),
    [
        ("...\n3 passed in 0.20s", 3),
        ("F.s\n1 failed, 12 passed, 4 deselected, 1 warning in 61.30s (0:01:01)\n", 13),
        ("1 passed in 0.1s\nagain\n2 passed, 1 skipped in 0.2s\n", 2),
        ("5 deselected in 0.10s", 0),
        ("no tests ran in 0.01s", 0),
        ("1 error in 0.01s", 0),
        ("No module named pytest", 0),
    ],
)
def test_what_ran_is_counted_by_the_last_line_of_pytest(printed: str, ran: int) -> None:
    assert suite.count(printed) == ran
