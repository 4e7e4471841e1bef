"""The driver's hold on a run on Ray: a context that has all parties made, and ends them whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from rayrdma.actors.cluster import ray_session
from rayrdma.actors.coordinator_host import CoordinatorActor, Plan
from rayrdma.actors.wiring import Report, Wiring, observe
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import ClockSkew, Crash, LostCompletion, Pause
from rayrdma.model.errors import EnvironmentProblem, ProtocolError, RayrdmaError, UsageError
from rayrdma.scenario import Scenario
from rayrdma.transports.links import CARRIER


class Coordinator:
    """The driver's hold on a run: a context manager made by `start`.

    Attributes:
        transports: how many (process, memory) pairs use which transport.
        queue_pairs: how many the devices of all processes hold.
        messages: what carries messages between processes.
    """

    def __init__(self, scenario: Scenario, actor: Any, transports: dict[str, int], queue_pairs: int) -> None:
        self._scenario = scenario
        self._actor = actor
        self.transports = transports
        self.queue_pairs = queue_pairs
        self.messages = CARRIER

    @classmethod
    @contextlib.contextmanager
    def start(cls, scenario: Scenario) -> Iterator[Coordinator]:
        """Make all parties of a scenario on Ray, and end them afterwards, whatever happened.

        Raises:
            EnvironmentProblem: Ray can not be reached, or the place lacks something.
            UsageError: the scenario can not be had here.
        """
        for fault in scenario.faults:
            if isinstance(fault, LostCompletion | ClockSkew):
                raise UsageError(f"fault {fault} can only be had in the simulator (--engine sim)")
        wiring = Wiring.of(scenario)
        faults = tuple(fault for fault in scenario.faults if isinstance(fault, Crash | Pause))
        plan = Plan(scenario.inputs, faults, scenario.transport, scenario.timeout, scenario.processes_per_actor)
        with ray_session(scenario.address):
            addresses = {node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
            actor = CoordinatorActor.remote(replace(wiring, tcp=len(addresses) > 1), plan)
            try:
                yield cls(scenario, actor, _get(actor.set_up.remote()), _get(actor.queue_pairs.remote()))
            finally:
                with contextlib.suppress(RayActorError, RayTaskError, GetTimeoutError):
                    ray.get(actor.close.remote(), timeout=15)
                ray.kill(actor)

    def pids(self) -> dict[str, int]:
        """The operating system's process of every live party: "p0" -> pid, "m0" -> pid."""
        pids: dict[str, int] = _get(self._actor.pids.remote())
        return pids

    def dead(self) -> tuple[list[int], list[int]]:
        """The processes and the memories that have crashed so far."""
        dead: tuple[list[int], list[int]] = _get(self._actor.dead.remote())
        return dead

    def run_round(self, instance: int) -> Observation:
        """Run one instance of the protocol at every live process. Instances count from 1 and only go up.

        Raises:
            ProtocolError: the protocol's code failed.
        """
        return observe(self._scenario, self.reports(instance))

    def reports(self, instance: int) -> list[Report]:
        """`run_round`, as the processes reported it."""
        reports: list[Report] = _get(self._actor.run_round.remote(instance))
        return reports

    def rounds(self) -> Iterator[Observation]:
        """The rounds of the scenario, one after the other."""
        for instance in range(1, self._scenario.rounds + 1):
            yield self.run_round(instance)


def _get(call: Any) -> Any:
    """An answer of the coordinator; the library's own errors as they were raised, the protocol's by one line."""
    try:
        return ray.get(call)
    except RayTaskError as error:
        cause: BaseException = error
        while isinstance(cause, RayTaskError) and cause.cause is not None:
            cause = cause.cause
        if isinstance(cause, RayrdmaError):
            raise cause from None
        raise ProtocolError(f"the protocol failed: {type(cause).__name__}: {cause}") from error
    except RayActorError as error:
        # Ray puts the whole traceback into the text; its last line says what went wrong.
        raise EnvironmentProblem(f"the coordinator's actor died: {str(error).strip().splitlines()[-1]}") from error
