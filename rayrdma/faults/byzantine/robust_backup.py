"""Attacks on Robust Backup's books: what a process can write that a correct one would not (P19, section 4.1).

E1 to E7 and E13 of the algorithms' list; E8 to E11 are in `rayrdma.faults.byzantine.transmission`, and E12, which says
nothing, is `Silent`. They fit Preferential Paxos too, and Fast & Robust, which they drive to its backup by a panic.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.signatures import Signed
from rayrdma.protocols.automaton import EVERYBODY, Input
from rayrdma.protocols.broadcast import (
    ATTEST,
    EVERYTHING,
    MESSAGES,
    SENT,
    Attestation,
    Book,
    Certificate,
    Certified,
    Page,
    Sent,
    Slot,
    at,
    book_of,
    digest,
    page,
    room,
    tolerated,
)
from rayrdma.protocols.cheap_quorum import PANIC, Evidence, Panic, own_region
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.preferential_paxos import Preference, PreferentialPaxos
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.protocols.transmission import Transmission

from .generic import ANOTHER, nonsense

NOBODY = bytes(64)
"""A signature that nobody has made."""
LOOKS = 200
"""How often an attacker looks at all books at most."""


class Tampering(Facade):
    """An honest execution whose book goes through its behaviour's hands before it is written."""

    def __init__(self, behaviour: OnBooks) -> None:
        super().__init__(behaviour.process)
        self._behaviour = behaviour
        self._written: Any = None
        self._shown: tuple[Any, ...] = ()

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        if region != book_of(self.id):
            return (value,)
        if value is not self._written:  # else it is the same write, to another memory
            self._written, self._shown = value, self._behaviour.tampered(value)
        return self._behaviour.for_memory(memory, self._shown)


class OnBooks(Behaviour):
    """What these attacks have in common: an honest execution with changes, and more writes at other times."""

    attacks: ClassVar[tuple[type[Protocol], ...]] = (RobustBackup, FastAndRobust)

    async def run(self, value: Value) -> None:
        self.book: Book = ((),) * self.process.n
        self.seconds: dict[int, Signed[Sent[Any]]] = {}
        facade = Tampering(self)
        self.begin(facade, value)
        if issubclass(self.protocol, FastAndRobust):  # or there would be no backup
            await self.on_the_fast_path(facade)
            for memory in self.process.memories:
                self.process.write(memory, own_region(self.process.id), PANIC, Panic())
        await self.attack()
        await self.process.event()

    def begin(self, facade: Facade, value: Value) -> None:
        """Start the honest execution."""
        protocol = self.protocol(facade)
        self.change(backup_of(protocol))
        facade.start(protocol.propose(value))

    def change(self, backup: RobustBackup) -> None:
        """Change parts of the honest execution before it starts."""

    async def attack(self) -> None:
        """Do more than tamper, at other times than those at which an honest process writes."""

    def tampered(self, book: Book) -> tuple[Any, ...]:
        """What is written instead of a book: the same on all memories, or on each half another."""
        self.book = book
        return self.tamper(book)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        """The attack itself."""
        return (book,)

    def for_memory(self, memory: int, shown: Sequence[Any]) -> tuple[Any, ...]:
        """Of what is shown, the part of one memory, if any; the halves are the plan's."""
        if len(shown) == 1:
            return (shown[0],)
        if memory == self.spared:
            return ()
        return (shown[memory in self.plan.half(len(self.process.memories), "memories")],)

    @cached_property
    def spared(self) -> int | None:
        """Of an odd number of memories at times one gets neither part: so a majority may show either part alone."""
        memories, rng = self.process.memories, self.plan.draw("spared")
        more = [memory for memory in memories if memory not in self.plan.half(len(memories), "memories")]
        return rng.choice(more) if len(memories) > len(more) > len(memories) // 2 and rng.random() < 0.5 else None

    def show(self, *shown: Any) -> None:
        """Write another book now."""
        for memory in self.process.memories:
            for book in self.for_memory(memory, shown):
                self.process.write(memory, book_of(self.process.id), 0, book)

    def with_page(self, book: Book, origin: int, changed: Sequence[Slot[Any]]) -> Book:
        """``book`` with another page about ``origin``."""
        return (*book[:origin], tuple(changed), *book[origin + 1 :])

    def second(self, slot: Slot[Any]) -> Slot[Any]:
        """Another message of this process under the same number, always the same one."""
        said = message_of(slot)
        if said is None:
            return slot
        number = said.value.number
        if number not in self.seconds:
            content = otherwise(said.value.content)
            self.seconds[number] = self.process.sign(SENT, Sent(number, content))
        return Slot(self.seconds[number])

    def seconds_of(self, book: Book) -> Book:
        """``book`` with other messages of this process, all of them."""
        own = self.process.id
        return self.with_page(book, own, [self.second(slot) for slot in book[own]])

    def bogus(self) -> Transmission[Any, Any]:
        """A message that decides another value, of no history."""
        value = Preference(ANOTHER, Evidence(None, None)) if prefers(self.protocol) else ANOTHER
        return Transmission(EVERYBODY, Decision(ANOTHER), (Input(value),))

    async def a_while(self) -> None:
        """Some time, of a length that no schedule knows."""
        await self.process.sleep(self.rng.randrange(1, 40))

    async def on_the_fast_path(self, facade: Facade) -> None:
        """A while; at times until its honest execution has decided, and others with it: that is what is to be kept."""
        late = self.rng.random() < 0.5
        await self.a_while()
        for _ in range(40):
            if facade.decided or not late:
                break
            await self.process.sleep(1)

    async def look(self) -> list[Any]:
        """All books, as the first memory that answers has them."""
        process = self.process
        (found,) = await process.first(1, [process.read_region(memory, EVERYTHING) for memory in process.memories])
        return list(found)


def backup_of(protocol: Any) -> RobustBackup:
    """The Robust Backup that a protocol is, or that it falls back to."""
    found = protocol.backup if isinstance(protocol, FastAndRobust) else protocol
    assert isinstance(found, RobustBackup)
    return found


def prefers(protocol: type[Any]) -> bool:
    """Whether the inputs of a protocol's backup come with evidence."""
    return issubclass(protocol, PreferentialPaxos | FastAndRobust)


def message_of(slot: Slot[Any]) -> Signed[Sent[Any]] | None:
    """The message that a slot shows."""
    return slot.message if slot.certificate is None else slot.certificate.message


def otherwise(content: Transmission[Any, Any]) -> Transmission[Any, Any]:
    """Another message: with another value, or, if there is none in it, to another receiver."""
    changed: Transmission[Any, Any] = _with_value(content, ANOTHER)
    if ENCODE(changed) != ENCODE(content):
        return changed
    return msgspec.structs.replace(content, to=0 if content.to == EVERYBODY else EVERYBODY)


def _with_value(found: Any, value: Value) -> Any:
    if isinstance(found, tuple):
        return tuple(_with_value(part, value) for part in found)
    if isinstance(found, Record):
        fields = {field: _with_value(getattr(found, field), value) for field in found.__struct_fields__}
        if fields.get("value") is not None and not isinstance(fields["value"], Record | tuple):
            fields["value"] = value
        return type(found)(**fields)
    return found


class EquivocatesOverTime(OnBooks):
    """E1: under each of its numbers one message for a while, and then another over it, and the first again.

    Or a certificate of either, as soon as enough others have attested to it.
    """

    name = "equivocates-over-time"

    async def run(self, value: Value) -> None:
        self.attested: dict[bytes, dict[int, Signed[Attestation]]] = {}
        await super().run(value)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        own = self.process.id
        return (self.with_page(book, own, [self.rng.choice(self.either(slot)) for slot in book[own]]),)

    def either(self, slot: Slot[Any]) -> list[Slot[Any]]:
        """What can be shown under one number."""
        found = [slot, self.second(slot)]
        for said in filter(None, map(message_of, tuple(found))):
            name = Attestation(said.signer, said.value.number, digest(said.value))
            others = tuple(self.attested.get(name.digest, {}).values())[: tolerated(self.process.n)]
            if len(others) == tolerated(self.process.n):
                found.append(Slot(None, None, Certificate(said, (self.process.sign(ATTEST, name), *others))))
        return found

    async def attack(self) -> None:
        for _ in range(8):
            await self.a_while()
            for holder, book in enumerate(await self.look()):
                for slot in page(book, self.process.id):
                    if slot.attestation is not None and holder != self.process.id:
                        self.attested.setdefault(slot.attestation.value.digest, {})[holder] = slot.attestation
            self.show(*self.tamper(self.book))


class EquivocatesOverMemories(OnBooks):
    """E2: under each of its numbers one message on half of the memories, and another on the others."""

    name = "equivocates-over-memories"

    def tamper(self, book: Book) -> tuple[Any, ...]:
        return book, self.seconds_of(book)


class ShowsGarbage(OnBooks):
    """E3: books that can not be read or have no shape, messages without a signature, under a wrong role, of others."""

    name = "shows-garbage"

    def tamper(self, book: Book) -> tuple[Any, ...]:
        own, rng = self.process.id, self.rng
        other = rng.randrange(self.process.n)
        pages: list[Page] = [
            tuple(Slot(msgspec.structs.replace(said, signature=NOBODY)) for said in self.said(book, own)),
            tuple(Slot(msgspec.structs.replace(said, signer=other)) for said in self.said(book, own)),
            tuple(Slot(self.process.sign(ATTEST, said.value)) for said in self.said(book, own)),
            tuple(Slot(said) for said in self.said(book, other)),
            (Slot(None),) * 3,
        ]
        shapeless = (nonsense(rng), (), book * 2, book[: rng.randrange(len(book))])
        return (rng.choice((book, *shapeless, *(self.with_page(book, own, found) for found in pages))),)

    def said(self, book: Book, origin: int) -> list[Signed[Sent[Any]]]:
        """What a book shows of an origin."""
        return [said for said in map(message_of, book[origin]) if said is not None]

    async def attack(self) -> None:
        for _ in range(8):
            await self.a_while()
            self.show(*self.tamper(self.book))


class SkipsNumber(OnBooks):
    """E4: one of its numbers never comes: the place stays empty, or the next message stands there."""

    name = "skips-number"

    async def run(self, value: Value) -> None:
        self.skipped = self.rng.choice((1, 1, 2, 3))
        self.empty = self.rng.random() < 0.3
        await super().run(value)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        own = self.process.id
        slots = list(book[own])
        for place in range(self.skipped - 1, len(slots)):
            said = message_of(slots[place])
            if said is not None:
                slots[place] = Slot(self.process.sign(SENT, Sent(place + 2, said.value.content)))
        if self.empty and len(slots) >= self.skipped:
            slots.insert(self.skipped - 1, Slot(None))
        return (self.with_page(book, own, slots),)


class ForgesCopy(OnBooks):
    """E5: copies of what correct processes never said, of what they may say next, and its attestations to them."""

    name = "forges-copy"
    FORGED = 8

    async def run(self, value: Value) -> None:
        self.forgeries: dict[tuple[int, int, bool], Slot[Any]] = {}
        await super().run(value)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        for origin in range(self.process.n):
            if origin not in self.plan.members:
                book = self.with_page(book, origin, [self.forged(book, origin, k + 1) for k in range(self.FORGED)])
        return (book,)

    def forged(self, book: Book, origin: int, number: int) -> Slot[Any]:
        """A copy with no signature, or with the one of another message."""
        slot = at(book[origin], number)
        said = message_of(slot) if slot is not None else None
        key = origin, number, said is None
        if key not in self.forgeries:
            sent = Sent(number, self.bogus() if said is None else otherwise(said.value.content))
            message = Signed(origin, SENT, sent, NOBODY if said is None else said.signature)
            claim = Attestation(origin, number, digest(sent))
            self.forgeries[key] = Slot(message, self.process.sign(ATTEST, claim))
        return self.forgeries[key]

    def begin(self, facade: Facade, value: Value) -> None:
        self.show(*self.tamper(self.book))
        super().begin(facade, value)


class LateSecondValue(OnBooks):
    """E6: as soon as a correct process has copied or attested a colluder's message, a copy of another one appears.

    Each colluder makes a second message under each of its numbers, and gives it to all. Alone it does so with its own.
    """

    name = "late-second-value"

    async def run(self, value: Value) -> None:
        self.late: dict[tuple[int, int], Slot[Any]] = {}
        await super().run(value)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        for slot in book[self.process.id]:
            second = self.second(slot).message
            if second is not None and second not in self.plan.kept:
                self.plan.keep(second)
        for (origin, number), second_slot in self.late.items():
            slots = [*book[origin], *[Slot(None)] * (number - len(book[origin]))]
            slots[number - 1] = second_slot
            book = self.with_page(book, origin, slots)
        return (book,)

    async def attack(self) -> None:
        only_attested = self.rng.random() < 0.7
        watch = self.process.watch()
        for _ in range(LOOKS):
            books = await self.look()
            known = len(self.late)
            for second in list(self.plan.kept):
                if isinstance(second, Signed) and isinstance(second.value, Sent):
                    self.turn(second, books, only_attested)
            if len(self.late) > known:
                self.show(*self.tamper(self.book))
            await watch.changed()

    def turn(self, second: Signed[Sent[Any]], books: Sequence[Any], only_attested: bool) -> None:
        """Show a second message from now on, if a correct process believes in the first."""
        origin, number = second.signer, second.value.number
        for holder, book in enumerate(books):
            slot = at(page(book, origin), number)
            if slot is not None and holder not in self.plan.members and (slot.attestation or not only_attested):
                self.late[origin, number] = Slot(second)


class ForgesCertificate(OnBooks):
    """E7: certificates with one attestation many times, in others' names, too few, for two values, of old instances."""

    name = "forges-certificate"

    def tamper(self, book: Book) -> tuple[Any, ...]:
        for origin in range(self.process.n):
            slots = [*book[origin], Slot(None)] if origin != self.process.id else book[origin]
            book = self.with_page(book, origin, [self.forged(origin, k + 1, slot) for k, slot in enumerate(slots)])
        return (book,)

    def forged(self, origin: int, number: int, slot: Slot[Any]) -> Slot[Any]:
        """A slot with a certificate that is none."""
        said = message_of(slot)
        if said is None:
            said = Signed(origin, SENT, Sent(number, self.bogus()), NOBODY)
        elif origin == self.process.id and self.rng.random() < 0.5:
            said = self.second(slot).message
        assert said is not None
        own = self.process.sign(ATTEST, Attestation(origin, number, digest(said.value)))
        kept = [kept for kept in self.plan.kept if isinstance(kept, Signed) and isinstance(kept.value, Attestation)]
        need = tolerated(self.process.n) + 1
        attestations = self.rng.choice(
            (
                (own,) * need,
                tuple(msgspec.structs.replace(own, signer=signer) for signer in range(self.process.n)),
                (own,) * (need - 1),
                (),
                (own, *self.rng.sample(kept, min(need - 1, len(kept)))),
                tuple(self.rng.sample(kept, min(need, len(kept)))),
            )
        )
        old = [kept for kept in self.plan.kept if isinstance(kept, Certificate)]
        certificate = self.rng.choice(old) if old and self.rng.random() < 0.3 else Certificate(said, attestations)
        return msgspec.structs.replace(slot, certificate=certificate)

    async def attack(self) -> None:
        for _ in range(6):
            await self.a_while()
            for book in await self.look():
                for slot in (slot for found in book or () for slot in found):
                    swollen = slot.certificate is not None and len(slot.certificate.attestations) > self.process.n
                    for kept in (slot.attestation, None if swollen else slot.certificate):
                        if kept is not None and self.rng.random() < 0.3:
                            self.plan.keep(kept)


class _Blind(Certified):
    """Attests to whatever it sees, to two messages of one number as well, at once and without a scan."""

    def put(self, origin: int, number: int, slot: Slot[Any]) -> None:
        if slot.message is not None and slot.attestation is None:
            attestation = Attestation(origin, number, digest(slot.message.value))
            slot = Slot(slot.message, self.process.sign(ATTEST, attestation))
        super().put(origin, number, slot)


class AttestsBlindly(EquivocatesOverMemories):
    """E2 and E7: two messages on two halves of the memories, and an attestation to each, which no scan came before."""

    name = "attests-blindly"

    def change(self, backup: RobustBackup) -> None:
        transmitter = backup.transmitter
        transmitter.links = _Blind(transmitter.process, transmitter._delivered)

    def second(self, slot: Slot[Any]) -> Slot[Any]:
        message = super().second(slot).message
        if message is None:
            return slot
        attestation = Attestation(self.process.id, message.value.number, digest(message.value))
        return Slot(message, self.process.sign(ATTEST, attestation))


class FloodsBooks(OnBooks):
    """E13: as much as a register holds: many and long messages, far numbers, copies of what others never said.

    It goes to the limit of what an origin may say, and beyond it.
    """

    name = "floods-books"
    FLOODS = 6

    async def run(self, value: Value) -> None:
        self.left = self.FLOODS
        await super().run(value)

    def tamper(self, book: Book) -> tuple[Any, ...]:
        own, n = self.process.id, self.process.n
        kind = self.rng.choice((0, 1, 2, 3)) if self.left > 0 else 0
        self.left -= kind > 0
        if kind == 1:  # many numbers, each a message
            far = [self.told(k, self.bogus()) for k in range(len(book[own]) + 1, MESSAGES + 9)]
            return (self.fit(self.with_page(book, own, [*book[own], *far])),)
        if kind == 2:  # one long message
            long = msgspec.structs.replace(self.bogus(), history=self.bogus().history * (room(n) // 8))
            return (self.fit(self.with_page(book, own, [*book[own], self.told(len(book[own]) + 1, long)])),)
        if kind == 3:  # what another has never said, under far numbers
            far_copy = Slot(Signed((own + 1) % n, SENT, Sent(10**9, self.bogus()), NOBODY))
            return (self.fit(self.with_page(book, (own + 1) % n, (far_copy,) * 2 * MESSAGES)),)
        return (book,)

    def told(self, number: int, content: Transmission[Any, Any]) -> Slot[Any]:
        """A message of its own."""
        return Slot(self.process.sign(SENT, Sent(number, content)))

    def fit(self, book: Book) -> Book:
        """``book`` without the end of its longest page, so that the register holds it."""
        most = self.process.regions[book_of(self.process.id)].register_bytes
        while len(ENCODE(book)) > most:
            longest = max(range(len(book)), key=lambda origin: len(ENCODE(book[origin])))
            book = self.with_page(book, longest, book[longest][: len(book[longest]) * 3 // 4])
        return book

    async def attack(self) -> None:
        for _ in range(3):
            await self.a_while()
            self.show(*self.tamper(self.book))


class SwellsCertificate(OnBooks):
    """E13: certificates of its messages that hold the same true attestations as often as its register has room.

    Whoever copies one has no room left for anything else.
    """

    name = "swells-certificate"

    async def attack(self) -> None:
        own, watch = self.process.id, self.process.watch()
        swollen = -1
        for _ in range(LOOKS):
            books = await self.look()
            for number, slot in enumerate(self.book[own], 1):
                certificate = self.certificate(number, slot, books)
                if certificate is not None and number > swollen:
                    swollen = number
                    self.show(self.with_page(((),) * len(self.book), own, (*self.book[own][: number - 1], certificate)))
            await watch.changed()

    def certificate(self, number: int, slot: Slot[Any], books: Sequence[Any]) -> Slot[Any] | None:
        """A slot with such a certificate, once there are attestations enough with its own."""
        own = self.process.id
        said = message_of(slot)
        if said is None:
            return None
        claim = Attestation(own, number, digest(said.value))
        found = {own: self.process.sign(ATTEST, claim)}
        for book in books:
            shown = at(page(book, own), number)
            if shown is not None and shown.attestation is not None and shown.attestation.value == claim:
                found[shown.attestation.signer] = shown.attestation
        if len(found) <= tolerated(self.process.n):
            return None
        attestations = tuple(found.values())
        bare = self.process.regions[book_of(own)].register_bytes - 2 * len(ENCODE(self.book[own])) - 1000
        times = max(1, bare // len(ENCODE(attestations)))
        return Slot(None, None, Certificate(said, attestations * times))


ON_BOOKS: tuple[type[Behaviour], ...] = (
    EquivocatesOverTime,
    EquivocatesOverMemories,
    ShowsGarbage,
    SkipsNumber,
    ForgesCopy,
    LateSecondValue,
    ForgesCertificate,
    AttestsBlindly,
    FloodsBooks,
    SwellsCertificate,
)
