"""At the handshake: whoever is not in the run, or is of another version, is refused, in one clear line."""

from __future__ import annotations

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.outcomes import ACK
from rayrdma.transports.verbs import handshake
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.lines import Port
from tests.parity.party import PROCESSES, REGIONS, write
from tests.verbs.fleet import Fork
from tests.verbs.together import SECONDS, Together, secret

pytestmark = pytest.mark.verbs


def test_who_is_not_in_the_run_is_refused() -> None:
    with Together(n=2) as two:
        pairs = two.memory.queue_pairs
        for unknown in ("", "a guess", secret(2)):
            stranger = VerbsConnection(two.ports[1], two.memory.endpoint, unknown, REGIONS, 1, 2, two.instance)
            with pytest.raises(EnvironmentProblem) as refusal:
                stranger.open(SECONDS)
            assert str(refusal.value) == "this memory belongs to another run: whoever asks must be part of it"
            stranger.close()
            assert two.memory.queue_pairs == pairs
        assert two.operate(1, write("open", 0, "of the run")) is ACK


class Stranger:
    """A process of another version of rayrdma, and a process of its own."""

    def __init__(self) -> None:
        handshake.VERSION += 1

    def process(self, endpoint: str) -> None:
        """Connect to a memory."""
        VerbsConnection(Port(Device()), endpoint, secret(0), REGIONS, 0, PROCESSES).open(SECONDS)


def test_another_version_is_refused() -> None:
    with Together(n=1) as one:
        stranger = Fork(Stranger)
        with pytest.raises(EnvironmentProblem) as refusal:
            stranger.call("process", one.memory.endpoint)
        stranger.end()
        assert one.operate(0, write("open", 0, "of this version")) is ACK
    ours = handshake.VERSION
    assert str(refusal.value) == (
        f"this memory speaks version {ours} of the handshake, and not {ours + 1}; run the same rayrdma on all hosts"
    )
