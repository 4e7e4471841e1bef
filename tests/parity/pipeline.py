"""A process that posts operations without waiting for earlier ones: the model's `Process` on connections."""

from __future__ import annotations

from typing import Any

from rayrdma.model.operations import Operation
from rayrdma.model.process import Change, Process, Sleep, Watch
from rayrdma.model.regions import Record
from rayrdma.model.signatures import Signatures
from rayrdma.transports.connection import PENDING

from .party import MEMORIES, PROCESSES, REGIONS, Party


class PostingProcess(Process):
    """The model's own rules on the connections of a party.

    Attributes:
        issued: how many operations reached the connection to each memory.
        under_way: and how many of them have no response yet.
        most: how many that ever were at once.
    """

    def __init__(self, party: Party) -> None:
        super().__init__(party.id, PROCESSES, {region.name: region for region in REGIONS}, MEMORIES, "0")
        self._party = party
        self.issued = dict.fromkeys(self.memories, 0)
        self.under_way = dict.fromkeys(self.memories, 0)
        self.most = dict.fromkeys(self.memories, 0)

    def leader(self) -> int:
        return self.id

    def memory_answers(self, memory: int) -> bool:
        return True

    def processes_alive(self) -> int:
        return PROCESSES

    def _issue(self, operation: Operation) -> None:
        memory = operation.memory
        self.issued[memory] += 1
        self.under_way[memory] += 1
        self.most[memory] = max(self.most[memory], self.under_way[memory])
        response = self._party.connections[memory].post(operation)
        if response is not PENDING:
            self.under_way[memory] -= 1
            self._respond(operation, response)

    def poll(self) -> None:
        """Take in what has been answered."""
        for memory in self.memories:
            operation = self._outstanding[memory]
            if operation is not None:
                response = self._party.connections[memory].poll()
                if response is not PENDING:
                    self.under_way[memory] -= 1
                    self._respond(operation, response)
        while self.ready:
            self.ready.popleft().step()

    def _send(self, to: int, message: Record, depth: int) -> None:
        raise NotImplementedError

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        raise NotImplementedError

    def _make_signatures(self) -> Signatures:
        raise NotImplementedError

    def _await_change(self, watch: Watch, change: Change) -> None:
        raise NotImplementedError

    def note(self, what: str, value: Any) -> None:
        pass

    def refuse(self, liar: int, why: str) -> None:
        raise NotImplementedError

    def _on_decide(self) -> None:
        raise NotImplementedError


def pipeline(party: Party, count: int, answering: list[int]) -> tuple[Any, ...]:
    """Post all at once: on each memory ``count`` writes, each followed by one that is refused, and then a read.

    Waits for the memories ``answering``. Returns, for each memory: the responses that came, how many operations
    were issued, and how many of them were under way at most.
    """
    process = PostingProcess(party)
    posted: dict[int, list[Operation]] = {memory: [] for memory in process.memories}

    async def post() -> None:
        for number in range(count):
            for memory, operations in posted.items():
                operations.append(process.write(memory, "open", 0, f"{memory}/{number}"))  # type: ignore[arg-type]
                operations.append(process.write(memory, "rights", 0, number))  # type: ignore[arg-type]
        for memory, operations in posted.items():
            operations.append(process.read(memory, "open", 0))  # type: ignore[arg-type]

    process.start(post())
    while not all(operation.done for memory in answering for operation in posted[memory]):
        process.poll()
    return (
        {memory: [operation.value for operation in posted[memory] if operation.done] for memory in posted},
        process.issued,
        process.most,
    )
