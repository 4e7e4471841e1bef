"""Takes the uncompressed kernel out of a compressed one.

QEMU starts an ELF image directly (PVH): the emulated CPU need not run the decompressor, which takes seconds.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable

from tests.guest import GuestError

DECOMPRESSORS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\xfd7zXZ\0": lambda packed: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed),
    b"\x1f\x8b": lambda packed: zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed),
}
"""By what the packed kernel begins with: xz (Debian's) and gzip. Neither minds the length that the build appends."""


def extract(image: bytes) -> bytes:
    """The ELF kernel inside a bzImage (Linux/x86 boot protocol 2.08: ``payload_offset``, ``payload_length``).

    Raises:
        GuestError: this is no such image, or it is packed in another way.
    """
    if image[0x202:0x206] != b"HdrS":
        raise GuestError("the kernel's image has no boot header of Linux/x86")
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    packed = image[start : start + length]
    decompress = next((DECOMPRESSORS[magic] for magic in DECOMPRESSORS if packed.startswith(magic)), None)
    if decompress is None:
        raise GuestError(f"the kernel is packed in a way that begins with {packed[:6].hex()}, not xz or gzip")
    kernel = decompress(packed)
    if not kernel.startswith(b"\x7fELF"):
        raise GuestError("what is packed in the kernel's image is no ELF file")
    return kernel
