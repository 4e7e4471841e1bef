"""Keys of simulated processes: real Ed25519, the same in every run, with what was computed once remembered.

A run is reproduced byte for byte, signatures included, and a hundred thousand runs that sign the same few
statements do not pay for each of them.
"""

from __future__ import annotations

from functools import cache, lru_cache

from rayrdma.model.signatures import Identity, Signer, Verifier


class RememberingSigner(Signer):
    """Signs the same bytes once."""

    @lru_cache(maxsize=65_536)  # noqa: B019 - these live as long as the program
    def sign(self, statement: bytes) -> bytes:
        return super().sign(statement)


class RememberingVerifier(Verifier):
    """Checks the same claim once."""

    @lru_cache(maxsize=65_536)  # noqa: B019 - these live as long as the program
    def valid(self, signer: int, statement: bytes, signature: bytes) -> bool:
        return super().valid(signer, statement, signature)


@cache
def identities(n: int) -> list[Identity]:
    """Everybody's keys."""
    signers = [RememberingSigner(process, bytes([process % 256, process // 256]) * 16) for process in range(n)]
    verifier = RememberingVerifier({signer.process: signer.public for signer in signers})
    return [Identity(signer, verifier) for signer in signers]
