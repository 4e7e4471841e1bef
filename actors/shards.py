"""Shards of a batch run as actors: spread over the nodes of a cluster, and exchanging arrays through its object store.

The driver passes references on and looks at summaries only. The graph is put into the store once; shards of a node read
it there. An actor that dies ends the run, for its processes and memories were nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rayrdma.actors.cluster import ray_session
from rayrdma.clusters.room import require_bytes
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.simulator.batch.footprint import machine_bytes, peak_bytes, stored_bytes
from rayrdma.simulator.batch.population import Population
from rayrdma.simulator.batch.rounds import Shards
from rayrdma.simulator.batch.shard import Setting, Shard

SETUP_SECONDS = 120.0


class ShardHost(Shard):
    """A shard in an actor."""

    def whereabouts(self) -> tuple[int, str, str]:
        """The operating system's process, the node, and its address."""
        return os.getpid(), ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()

    def peak_bytes(self) -> int:
        """The most memory that the actor has had."""
        return peak_bytes()


ShardActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(ShardHost)
"""`ShardHost` as a Ray actor. It asks for no CPU of its own: more shards than those are slower, and work."""


def spread(count: int, cpus: dict[str, float]) -> list[str]:
    """A node for each of ``count`` shards, so that each CPU of the cluster gets as many as any other.

    We place them ourselves: Ray's own spreading forgets about the actors that ask for no CPU.

    Args:
        cpus: of each node; those without any get shards only if no node has one.
    """
    able = {node: number for node, number in cpus.items() if number} or dict.fromkeys(cpus, 1.0)
    nodes: list[str] = []
    for _ in range(count):
        nodes.append(min(able, key=lambda node: (nodes.count(node) + 1) / able[node]))
    return nodes


class ShardActors(Shards):
    """All shards of a run, each in an actor.

    Attributes:
        count: how many.
        spans: the processes of each: from, and up to but without.
        pids: the operating system's process of each.
        addresses: of the nodes that they are on.
    """

    def __init__(self, setting: Setting, population: Population, nodes: Sequence[str]) -> None:
        self.count = len(nodes)
        self.spans = population.cut(self.count)
        shared = ray.put(population)
        self._actors: list[Any] = []
        self.pids: tuple[int, ...] = ()
        self.addresses: tuple[str, ...] = ()
        self._nodes: tuple[str, ...] = ()
        try:
            self._actors = [
                ShardActor.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
                    setting, shared, *span
                )
                for node, span in zip(nodes, self.spans, strict=True)
            ]
            found = self.get(self.call("whereabouts"), timeout=SETUP_SECONDS)
            self.pids, self._nodes, self.addresses = zip(*found, strict=True)
        except BaseException:
            self.close()
            raise

    def call(self, method: str, *arguments: Any) -> list[Any]:
        return [getattr(actor, method).remote(*arguments) for actor in self._actors]

    def get(self, answers: list[Any], timeout: float | None = None) -> list[Any]:
        """What the shards answered.

        Raises:
            EnvironmentProblem: one of them has died, or could not be started.
        """
        try:
            got: list[Any] = ray.get(answers, timeout=timeout)
        except RayActorError as error:
            self._lost(error)
        except GetTimeoutError as error:
            raise EnvironmentProblem(
                f"a shard's actor did not start within {SETUP_SECONDS:g} s; does the cluster have memory left?"
            ) from error
        except RayTaskError:
            raise  # a mistake in a shard's own code
        except RayError as error:
            raise EnvironmentProblem(f"Ray lost a part of the run: {str(error).strip().splitlines()[-1]}") from error
        return got

    def _lost(self, error: RayActorError) -> NoReturn:
        ids = [actor._actor_id.hex() for actor in self._actors]
        shard = ids.index(error.actor_id)
        first, last = self.spans[shard]
        node = f" on node {self.addresses[shard]}" if self.addresses else ""
        raise EnvironmentProblem(
            f"the actor of shard {shard} (processes {first:,} to {last - 1:,}){node} died, and their memories with it; "
            "was it killed, or did the node run out of memory?"
        ) from error

    @property
    def node_count(self) -> int:
        """On how many nodes they are."""
        return len(set(self._nodes))

    def peak_bytes(self) -> int:
        """The most memory that each of the actors has had, added up."""
        return sum(self.get(self.call("peak_bytes")))

    def close(self) -> None:
        """End all actors."""
        for actor in self._actors:
            ray.kill(actor)


@contextmanager
def shards_on_ray(
    setting: Setting,
    population: Population,
    count: int | None,
    address: str | None,
) -> Iterator[ShardActors]:
    """Shards on the Ray that is there, or on one of our own for as long.

    Args:
        count: how many shards; None: as many as the cluster has CPUs. Never more than live processes.
        address: of a Ray cluster.
    Raises:
        UsageError: it would not fit into this machine's memory.
        EnvironmentProblem: there is no Ray, or a shard can not be started.
    """
    with ray_session(address, stored_bytes(population)):
        cpus = {node["NodeID"]: node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]}
        senders = len(population.senders)
        count = min(count or int(sum(cpus.values())) or 1, senders)
        nodes = spread(count, cpus)
        require_bytes(
            machine_bytes(population, max(map(nodes.count, nodes))),
            f"a run of {population.n:,} processes, {senders:,} of them alive, in {count:,} shards",
        )
        shards = ShardActors(setting, population, nodes)
        try:
            yield shards
        finally:
            shards.close()
