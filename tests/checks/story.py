"""Traces made by hand, to show that each check can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rayrdma.checks.observation import Check, Observation, Violation
from rayrdma.model.operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import Permission
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.trace import (
    Crashed,
    Decided,
    Delivered,
    Event,
    Issued,
    LeaderChanged,
    Responded,
    Sent,
    TookEffect,
)


class Note(Record, frozen=True):
    """A message that says nothing."""

    text: str


def readers_and_writer(process: int, region: str, old: Permission, new: Permission) -> bool:
    """The policy of `Plain`: p0 may do as it likes, nobody else may."""
    return process == 0


class Plain(Protocol):
    """No protocol at all: one region of two registers that p0 may write and p1 may read."""

    name = "plain"

    def __init__(self, process: Process) -> None:
        raise NotImplementedError("it is never run")

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("r", 2, Permission(read=(1,), readwrite=(0,)), legal_change=readers_and_writer)]

    async def propose(self, value: Value) -> None:
        raise NotImplementedError("it is never run")


class Story:
    """A trace that is written event by event; time goes on by itself, an operation at a time.

    Args:
        protocol: the class whose regions the memories have.
        n, m: processes and memories.
    """

    def __init__(self, protocol: type[Protocol], n: int = 3, m: int = 3) -> None:
        self.protocol, self.n, self.m = protocol, n, m
        self.region = (protocol.regions(n) or Plain.regions(n))[0].name
        self.events: list[Event] = []
        self.time = 0
        self._numbers = dict.fromkeys(range(n), 0)

    def operate(
        self,
        process: int,
        memory: int,
        kind: Kind,
        argument: Any = None,
        response: Any = None,
        *,
        register: int = 0,
        depth: int = 2,
    ) -> None:
        """One whole operation of two delays."""
        self._numbers[process] += 1
        number, what = self._numbers[process], (kind, self.region, register, argument)
        self.events += [
            Issued(self.time, process, memory, number, *what),
            TookEffect(self.time + 1, process, memory, number, *what, response),
            Responded(self.time + 2, process, memory, number, response, depth),
        ]
        self.time += 2

    def write(self, process: int, memory: int, value: Any, response: Any = ACK, register: int | None = None) -> None:
        """Write the process's own register, or another."""
        self.operate(process, memory, WRITE, value, response, register=process if register is None else register)

    def read(self, process: int, memory: int, register: int, response: Any) -> None:
        self.operate(process, memory, READ, None, response, register=register)

    def read_region(self, process: int, memory: int, *response: Any) -> None:
        self.operate(process, memory, READ_REGION, None, response)

    def change_permission(self, process: int, memory: int, permission: Permission) -> None:
        self.operate(process, memory, CHANGE_PERMISSION, permission)

    def send(self, process: int, message: Record, *to: int) -> None:
        """Send a message, or one each to several processes."""
        self.events += [Sent(self.time, process, receiver, message) for receiver in to]

    def deliver(self, process: int, sender: int, message: Record) -> None:
        self.time += 1
        self.events.append(Delivered(self.time, process, sender, message))

    def crash(self, what: str, number: int) -> None:
        self.events.append(Crashed(self.time, what, number))

    def elect(self, process: int, leader: int) -> None:
        self.events.append(LeaderChanged(self.time, process, leader))

    def decide(self, process: int, value: Value, depth: int = 0) -> None:
        self.events.append(Decided(self.time, process, value, depth))

    def observation(
        self, inputs: Sequence[Value] | None = None, undecided: Mapping[int, str] | None = None
    ) -> Observation:
        """What the checks get to see."""
        return Observation(
            protocol=self.protocol,
            n=self.n,
            memories=self.m,
            regions=self.protocol.regions(self.n),
            inputs=inputs if inputs is not None else [f"v{id}" for id in range(self.n)],
            decisions=[event for event in self.events if isinstance(event, Decided)],
            undecided=undecided or {},
            trace=self.events,
        )

    def held_against(self, check: Check) -> Violation | None:
        """What one check says of it."""
        return check(self.observation())
