"""Ed25519 signatures over (instance, role, value): a process can lie, but not forge (P19, section 3)."""

from __future__ import annotations

from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from .regions import ENCODE, Record


class Signed(Record, frozen=True):
    """A value with its signer's signature; as a register's or message's value it can be passed on."""

    signer: int
    role: str
    value: Any
    signature: bytes


class Signer:
    """A process's own key. It never leaves the process; `public` does."""

    def __init__(self, process: int, seed: bytes | None = None) -> None:
        self.process = process
        self._key = SigningKey(seed) if seed is not None else SigningKey.generate()
        self.public: bytes = bytes(self._key.verify_key)

    def sign(self, instance: int, role: str, value: Any) -> Signed:
        """Sign ``value`` for one instance and one role in it, so that it serves nowhere else."""
        signature = self._key.sign(_statement(instance, self.process, role, value)).signature
        return Signed(self.process, role, value, signature)


class Verifier:
    """Every process's public key."""

    def __init__(self, public: dict[int, bytes]) -> None:
        self._keys = {process: VerifyKey(key) for process, key in public.items()}

    def valid(self, instance: int, role: str, signed: Signed) -> bool:
        """Whether ``signed.signer`` signed this value for this instance and role."""
        key = self._keys.get(signed.signer)
        if key is None or signed.role != role:
            return False
        try:
            key.verify(_statement(instance, signed.signer, role, signed.value), signed.signature)
        except (BadSignatureError, ValueError):
            return False
        return True


def _statement(instance: int, signer: int, role: str, value: Any) -> bytes:
    # Not through `msgspec.to_builtins`: it turns bytes into text, and a signature would serve for both.
    return ENCODE(("rayrdma", instance, signer, role, value))
