"""The kernel out of an image that is made here, by the boot protocol's offsets."""

from __future__ import annotations

import gzip
import lzma
import struct

import pytest

from tests.guest import GuestError
from tests.guest.vmlinux import extract

KERNEL = b"\x7fELF" + bytes(range(256)) * 40


def image(packed: bytes, *, sectors: int = 4, offset: int = 777) -> bytes:
    """A boot sector, ``sectors`` of set-up code, and the payload somewhere in what follows."""
    setup = bytearray((sectors + 1) * 512)
    setup[0x1F1] = 0 if sectors == 4 else sectors  # none said is four
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", setup, 0x248, offset, len(packed))
    return bytes(setup) + bytes(offset) + packed + b"what follows the payload"


@pytest.mark.parametrize("sectors", [4, 27])
@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress])
def test_the_kernel_is_found_and_unpacked(compress: type, sectors: int) -> None:
    length = struct.pack("<I", len(KERNEL))  # the build appends it
    assert extract(image(compress(KERNEL) + length, sectors=sectors)) == KERNEL


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (bytes(4096), "has no boot header"),
        (image(b"LZIP and so on"), "packed in a way that begins with 4c5a4950"),
        (image(lzma.compress(b"a script")), "is no ELF file"),
    ],
)
def test_what_is_no_kernel_is_refused(file: bytes, complaint: str) -> None:
    with pytest.raises(GuestError, match=complaint):
        extract(file)
