"""Ed25519 signatures over (instance, role, value): a process can lie, but not forge (P19, section 3).

Every process makes its own key, which never leaves it. A signature that was checked is not checked again.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Generic, TypeVar

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from .regions import ENCODE, Record

T = TypeVar("T")
SIGNATURE_BYTES = 64
REMEMBERED = 4096
"""Checked signatures that a process remembers; a flood of others makes it forget, and check again."""


class Signed(Record, Generic[T], frozen=True):
    """A value with its signer's signature; as a register's or message's value it can be passed on."""

    signer: int
    role: str
    value: T
    signature: bytes


class Signer:
    """A process's own key. It never leaves the process; `public` does."""

    def __init__(self, process: int, seed: bytes | None = None) -> None:
        self.process = process
        self._key = SigningKey(seed) if seed is not None else SigningKey.generate()
        self.public: bytes = bytes(self._key.verify_key)

    def sign(self, statement: bytes) -> bytes:
        """The signature of some bytes."""
        return self._key.sign(statement).signature


class Verifier:
    """Every process's public key."""

    def __init__(self, public: dict[int, bytes]) -> None:
        self._keys = {process: VerifyKey(key) for process, key in public.items()}

    def valid(self, signer: int, statement: bytes, signature: bytes) -> bool:
        """Whether ``signer`` signed these bytes."""
        key = self._keys.get(signer)
        if key is None:
            return False
        try:
            key.verify(statement, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


class Identity:
    """A process's own key, and the keys that the others made public."""

    def __init__(self, signer: Signer, verifier: Verifier) -> None:
        self._signer = signer
        self._verifier = verifier

    def signatures(self, instance: int) -> Signatures:
        """What the process signs and checks in one instance."""
        return Signatures(self._signer, self._verifier, instance)


class Signatures:
    """What one process signs and checks in one instance.

    Attributes:
        made: how many signatures it made.
        verified: how many it checked; one that it remembers is not counted again.
    """

    def __init__(self, signer: Signer, verifier: Verifier, instance: int) -> None:
        self._signer = signer
        self._verifier = verifier
        self._instance = instance
        self._known: dict[tuple[int, bytes, bytes], bool] = {}
        self.made = 0
        self.verified = 0

    def sign(self, role: str, value: T) -> Signed[T]:
        """Sign ``value`` for this instance and one role in it, so that it serves nowhere else."""
        self.made += 1
        process = self._signer.process
        return Signed(process, role, value, self._signer.sign(self._statement(process, role, value)))

    def valid(self, role: str, signed: Signed[Any]) -> bool:
        """Whether ``signed.signer`` signed this value for this instance and role."""
        if signed.role != role or len(signed.signature) != SIGNATURE_BYTES:
            return False
        statement = self._statement(signed.signer, role, signed.value)
        claim = (signed.signer, blake2b(statement, digest_size=32).digest(), signed.signature)
        known = self._known.get(claim)
        if known is None:
            self.verified += 1
            known = self._verifier.valid(signed.signer, statement, signed.signature)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[claim] = known
        return known

    def _statement(self, signer: int, role: str, value: Any) -> bytes:
        # Not through `msgspec.to_builtins`: it turns bytes into text, and a signature would serve for both.
        return ENCODE(("rayrdma", self._instance, signer, role, value))
