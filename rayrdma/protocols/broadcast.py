"""Broadcast without equivocation, from registers that one process each may write (P19, section 4.1).

Every process has a *book* of n pages, one for each origin: what it has seen that origin say, with the origin's
signature. (A book is one register: a step with the messages of many origins is one write.) What one correct process
has delivered as the k-th message of some origin, no other delivers differently; for each writes its copy before it
looks for others, so that of two with different copies at least one sees the other's.

Two variants share pages and polling:
    `CopyThenScan` (A) delivers after copy and scan: 6 delays. What it delivered it can not prove to anybody.
    `Certified` (C) collects f+1 attestations that a scan found nothing else, and publishes them before it
    delivers: whoever sees such a certificate can deliver too, and must. 12 delays; 8 with three processes.
(A receiver that has something to publish itself when the message appears is 2 delays later.)

Assumes: Byzantine processes, n >= 2 f_P + 1 (C; A needs no quorum); memories crash, m >= 2 f_M + 1; signatures.

Invariants, among correct processes:
    I1  for each origin and number at most one message is delivered.
    I2  the numbers that a process delivers from an origin are 1, 2, 3, ... without a gap.
    I3  what is delivered from a correct origin, it broadcast under that number.
    I4  (C) at most one message for each origin and number has a valid certificate, anywhere.
    I5  (C) when nothing can happen any more, all have delivered the same.

Bounds: of an origin nobody takes more than `MESSAGES` messages in an instance, nor more than `room` bytes of them;
what goes beyond is as if it had never been said.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Generic, TypeVar

from rayrdma.model.permissions import exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.regions import ENCODE, Record, Region, view
from rayrdma.model.replicated import ReplicatedMemory
from rayrdma.model.signatures import SIGNATURE_BYTES, Signed
from rayrdma.model.tasks import Completion

from .sizes import VALUE_BYTES

T = TypeVar("T")
EVERYTHING = "all-books"
SENT, ATTEST = "SENT", "ATTEST"
"""The roles of signatures."""
MESSAGES = 64
"""The most messages of one origin in an instance."""
_SIGNED = SIGNATURE_BYTES + 80  # an attestation, encoded


class Sent(Record, Generic[T], frozen=True):
    """What an origin says as its ``number``-th message, counted from 1."""

    number: int
    content: T


class Attestation(Record, frozen=True):
    """I hold a copy of this message, and have seen no other of this origin and number since I had written it."""

    origin: int
    number: int
    digest: bytes


class Certificate(Record, Generic[T], frozen=True):
    """A message with the attestations of f+1 processes: at least one of them is correct."""

    message: Signed[Sent[T]]
    attestations: tuple[Signed[Attestation], ...]


class Slot(Record, Generic[T], frozen=True):
    """What a process has of one message: at first a copy, then its attestation too, and then the certificate alone."""

    message: Signed[Sent[T]] | None
    attestation: Signed[Attestation] | None = None
    certificate: Certificate[T] | None = None


Page = tuple[Slot[Any], ...]
Book = tuple[Page, ...]


def tolerated(n: int) -> int:
    """The most Byzantine processes among ``n``: n >= 2 f + 1."""
    return (n - 1) // 2


def room(n: int) -> int:
    """The most bytes that all messages of one origin may take in an instance: as many values, and its history."""
    return MESSAGES * (VALUE_BYTES + 128) + 2048 * n


def book_of(process: int) -> str:
    """The name of the region that only this process writes."""
    return f"book-{process}"


def books(n: int, content: Any) -> list[Region]:
    """Every process's book, and a view of all of them.

    Args:
        content: the type of what is broadcast.
    """
    slot: Any = Slot
    owns = [
        Region(
            book_of(process),
            registers=1,
            of=tuple[tuple[slot[content], ...], ...],
            permission=exclusive_writer(process, n),
            register_bytes=n * (room(n) + (MESSAGES + 1) * (tolerated(n) + 2) * _SIGNED),
        )
        for process in range(n)
    ]
    return [*owns, view(EVERYTHING, owns)]


def digest(sent: Any) -> bytes:
    """What an attestation names a message by."""
    return blake2b(ENCODE(sent), digest_size=32).digest()


class Broadcast(ABC):
    """One process's side of it.

    Args:
        process: which.
        deliver: called with (origin, number, content), in the order of numbers for each origin.

    Attributes:
        pages: what this process has of each origin; ``published``: what of it a majority of memories holds.
        delivered: how many messages of each origin.
    """

    def __init__(self, process: Process, deliver: Callable[[int, int, Any], None]) -> None:
        self.process = process
        self.memory = ReplicatedMemory(process)
        self.pages: list[Page] = [()] * process.n
        self.published: Book = ((),) * process.n
        self.delivered = [0] * process.n
        self._deliver = deliver
        self._used = [0] * process.n  # bytes of what was delivered
        self._said = 0  # bytes of what this process broadcast
        self._changed = False
        self._stirred = Stirred(self)
        self._blamed: set[tuple[int, str]] = set()

    def broadcast(self, content: Any) -> None:
        """Say something to everybody. Beyond the bounds nothing is said any more."""
        own = self.process.id
        sent = Sent(len(self.pages[own]) + 1, content)
        self._said += len(ENCODE(sent))
        if sent.number <= MESSAGES and self._said <= room(self.process.n):
            self.process.note("broadcast", sent)
            self.put(own, sent.number, Slot(self.process.sign(SENT, sent)))
            if not self._stirred.done:
                self._stirred.complete(None, self.process.current.depth)

    async def serve(self) -> None:
        """For ever: copy, attest and deliver. A correct process never stops, for others need what it publishes."""
        process = self.process
        watch = process.watch()
        while True:
            self._stirred = Stirred(self)
            await self.publish()
            self.deliver()
            if not self._changed and not await self.look() and not self._stirred.done:
                await process.first(1, [watch.changed(), self._stirred])

    async def publish(self) -> None:
        """Write the book if it changed; once a majority of the memories holds it, it counts as published."""
        if self._changed:
            self._changed = False
            book = tuple(self.pages)
            await self.memory.write(book_of(self.process.id), 0, book)
            self.published = book

    def deliver(self) -> None:
        """Hand over, of every origin, what may be delivered by what is published."""
        for origin in range(self.process.n):
            number = self.delivered[origin] + 1
            slot = at(self.published[origin], number)
            message = None if slot is None else self.deliverable(origin, slot)
            if message is not None:
                self.delivered[origin] = number
                self._used[origin] += len(ENCODE(message.value))
                self.process.note("deliver", (origin, message.value))
                self._deliver(origin, number, message.value.content)

    async def look(self) -> bool:
        """Read everybody's pages, and take the next step with the next message of every origin, if there is one."""
        # A scan counts for a copy only if it began after the copy stood in a majority of the memories.
        before = self.published
        n = self.process.n
        answers = await self.memory.copies(EVERYTHING)
        moved = False
        for origin in range(n):
            number = self.delivered[origin] + 1
            slots: list[tuple[int, Slot[Any]]] = []
            for holder in range(n):
                for answer in answers:
                    slot = at(page(answer[holder], origin), number)
                    if slot is not None and (holder, slot) not in slots:
                        slots.append((holder, slot))
            if slots:
                own, published = at(self.pages[origin], number), at(before[origin], number)
                moved |= self.step(origin, number, own, published, slots)
        return moved

    @abstractmethod
    def step(
        self,
        origin: int,
        number: int,
        own: Slot[Any] | None,
        published: Slot[Any] | None,
        slots: Sequence[tuple[int, Slot[Any]]],
    ) -> bool:
        """What to do about one message.

        Args:
            own: this process's slot for it; ``published``: what a majority of memories held before the look.
            slots: what the look found of it, with the holder's number.
        Returns:
            whether anything was done.
        """

    def lacks(self) -> str:
        """What it waits for that can not be told from its operations, for the reason of a blocked run."""
        return "somebody to say something"

    @abstractmethod
    def deliverable(self, origin: int, published: Slot[Any]) -> Signed[Sent[Any]] | None:
        """The message of the next number of ``origin``, if it may be delivered."""

    def put(self, origin: int, number: int, slot: Slot[Any]) -> None:
        """Let this process's slot be another one, for the next `publish`."""
        slots = self.pages[origin]
        self.pages[origin] = (*slots[: number - 1], slot, *slots[number:])
        self._changed = True

    def copy(self, origin: int, number: int, slots: Sequence[tuple[int, Slot[Any]]]) -> bool:
        """Copy what the origin itself shows, once and for all, with the origin's signature."""
        for holder, slot in slots:
            if holder == origin and slot.message is not None and self.says(origin, number, slot.message, holder):
                self.put(origin, number, Slot(slot.message))
                return True
        return False

    def others(
        self, origin: int, number: int, message: Signed[Sent[Any]], slots: Sequence[tuple[int, Slot[Any]]]
    ) -> bool:
        """Whether anybody shows that the origin has said something else under this number.

        What lacks the origin's signature shows nothing, else one liar could silence everybody.
        """
        mine = digest(message.value)
        for holder, slot in slots:
            shown = slot.message if slot.certificate is None else slot.certificate.message
            if shown is None or digest(shown.value) == mine:
                continue
            if self.says(origin, number, shown, holder):
                self.blame(origin, f"says two things as its message {number}")
                return True
        return False

    def says(self, origin: int, number: int, message: Signed[Sent[Any]], holder: int) -> bool:
        """Whether the origin has signed this as its message of this number; ``holder`` claims so."""
        if (
            message.signer != origin
            or message.value.number != number
            or number > MESSAGES
            or len(ENCODE(message.value)) > room(self.process.n) - self._used[origin]
            or not self.process.valid(SENT, message)
        ):
            self.blame(holder, f"shows what p{origin} never said as a message of that number")
            return False
        return True

    def blame(self, liar: int, why: str) -> None:
        """Say once that somebody is not believed."""
        if (liar, why) not in self._blamed:
            self._blamed.add((liar, why))
            self.process.refuse(liar, why)


class Stirred(Completion[None]):
    """This process itself has something to say."""

    __slots__ = ("broadcast",)

    def __init__(self, broadcast: Broadcast) -> None:
        super().__init__(broadcast.process)
        self.broadcast = broadcast

    def waiting_for(self) -> str:
        return self.broadcast.lacks()


class CopyThenScan(Broadcast):
    """Variant A: deliver once the own copy is written and a scan after it shows nothing else.

    It waits for nobody, so it needs no bound on Byzantine processes; but what one correct process has delivered another
    may never deliver, and nobody can prove what it delivered. (Only for protocols that relay no evidence.)
    """

    def __init__(self, process: Process, deliver: Callable[[int, int, Any], None]) -> None:
        super().__init__(process, deliver)
        self._scanned = [0] * process.n

    def step(
        self,
        origin: int,
        number: int,
        own: Slot[Any] | None,
        published: Slot[Any] | None,
        slots: Sequence[tuple[int, Slot[Any]]],
    ) -> bool:
        if own is None:
            return self.copy(origin, number, slots)
        assert own.message is not None
        if published is None or self.others(origin, number, own.message, slots):
            return False
        self._scanned[origin] = number
        return True

    def deliverable(self, origin: int, published: Slot[Any]) -> Signed[Sent[Any]] | None:
        return published.message if self._scanned[origin] > self.delivered[origin] else None


class Certified(Broadcast):
    """Variant C: deliver with a certificate, which is published first so that everybody can deliver too."""

    def __init__(self, process: Process, deliver: Callable[[int, int, Any], None]) -> None:
        super().__init__(process, deliver)
        self.needed = tolerated(process.n) + 1
        self._refused: set[tuple[int, int]] = set()

    def step(
        self,
        origin: int,
        number: int,
        own: Slot[Any] | None,
        published: Slot[Any] | None,
        slots: Sequence[tuple[int, Slot[Any]]],
    ) -> bool:
        for holder, slot in slots:
            if slot.certificate is not None and self.certifies(origin, number, slot.certificate, holder):
                self.put(origin, number, Slot(None, None, slot.certificate))
                return True
        if own is None:
            return self.copy(origin, number, slots)
        attested = self.attest(origin, number, own, slots) if own.attestation is None and published is not None else own
        certificate = self.certificate(origin, number, attested, slots)
        if certificate is not None:
            attested = Slot(None, None, certificate)
        if attested is own:
            return False
        self.put(origin, number, attested)
        return True

    def attest(self, origin: int, number: int, own: Slot[Any], slots: Sequence[tuple[int, Slot[Any]]]) -> Slot[Any]:
        """Add this process's attestation, unless there is another message; somebody's certificate may still come."""
        assert own.message is not None
        if (origin, number) in self._refused or self.others(origin, number, own.message, slots):
            self._refused.add((origin, number))
            return own
        attestation = Attestation(origin, number, digest(own.message.value))
        return Slot(own.message, self.process.sign(ATTEST, attestation))

    def certificate(
        self, origin: int, number: int, own: Slot[Any], slots: Sequence[tuple[int, Slot[Any]]]
    ) -> Certificate[Any] | None:
        """A certificate for some message that the origin signed, if enough processes attest to it."""
        attestations: dict[int, Signed[Attestation]] = {}
        for holder, slot in (*slots, (self.process.id, own)):
            if slot.attestation is not None and self.attests(holder, origin, number, slot.attestation):
                attestations[holder] = slot.attestation
        if len(attestations) < self.needed:
            return None
        for holder, slot in ((self.process.id, own), *slots):
            if slot.message is not None and self.says(origin, number, slot.message, holder):
                named = digest(slot.message.value)
                agreed = tuple(signed for signed in attestations.values() if signed.value.digest == named)
                if len(agreed) >= self.needed:
                    return Certificate(slot.message, agreed[: self.needed])
        return None

    def attests(self, holder: int, origin: int, number: int, signed: Signed[Attestation]) -> bool:
        """Whether ``holder`` attests to some message of this origin and number."""
        value = signed.value
        if (
            signed.signer == holder
            and (value.origin, value.number) == (origin, number)
            and self.process.valid(ATTEST, signed)
        ):
            return True
        self.blame(holder, "shows an attestation that it did not sign for that")
        return False

    def certifies(self, origin: int, number: int, certificate: Certificate[Any], holder: int) -> bool:
        """Whether f+1 processes attest to this message of the origin's."""
        signers = {signed.signer for signed in certificate.attestations}
        if not self.says(origin, number, certificate.message, holder):
            return False
        named = Attestation(origin, number, digest(certificate.message.value))
        # Just as many as it takes: of more, whoever copies it might have no room for the rest of its book.
        if len(certificate.attestations) == len(signers) == self.needed and all(
            signed.value == named and self.process.valid(ATTEST, signed) for signed in certificate.attestations
        ):
            return True
        self.blame(holder, "shows a certificate that is none")
        return False

    def lacks(self) -> str:
        process = self.process
        if any(len(page) > delivered for page, delivered in zip(self.pages, self.delivered, strict=True)):
            return f"needs {self.needed} of {process.n} processes, {process.processes_alive()} alive"
        return super().lacks()

    def deliverable(self, origin: int, published: Slot[Any]) -> Signed[Sent[Any]] | None:
        return None if published.certificate is None else published.certificate.message


def at(page: Sequence[Slot[Any]], number: int) -> Slot[Any] | None:
    """The slot of one number, if the page has it."""
    return page[number - 1] if len(page) >= number else None


def page(book: Sequence[Page] | None, origin: int) -> Page:
    """What a book says of an origin; nothing, if it has no such page."""
    return book[origin] if book is not None and len(book) > origin else ()
