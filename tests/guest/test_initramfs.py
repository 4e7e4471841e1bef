"""The first root: an archive that says what it should, and modules after what they need."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.guest import GuestError
from tests.guest.initramfs import archive, load_order


class Entry(NamedTuple):
    mode: int
    content: bytes
    device: tuple[int, int]


def entries(cpio: bytes) -> Iterator[tuple[str, Entry]]:
    """What the kernel's documentation of initramfs buffers says is in there."""
    place = 0
    while True:
        header = re.compile(rb"070701((?:[0-9a-f]{8}){13})").match(cpio, place)
        assert header, f"no header at {place}"
        fields = [int(header[1][start : start + 8], 16) for start in range(0, 104, 8)]
        mode, size, device, length = fields[1], fields[6], (fields[9], fields[10]), fields[11]
        name = cpio[place + 110 : place + 110 + length]
        assert name.endswith(b"\0")
        content = -(-(place + 110 + length) // 4) * 4
        if name == b"TRAILER!!!\0":
            assert len(cpio) == content
            return
        yield name[:-1].decode(), Entry(mode, cpio[content : content + size], device)
        place = -(-(content + size) // 4) * 4


def test_the_archive_holds_what_a_kernel_starts_from() -> None:
    found = dict(entries(archive(b"busybox", b"#!/bin/busybox sh\n", {"first": b"1", "second": b"22222"})))
    assert found["init"] == Entry(stat.S_IFREG | 0o755, b"#!/bin/busybox sh\n", (0, 0))
    assert found["bin/busybox"] == Entry(stat.S_IFREG | 0o755, b"busybox", (0, 0))
    assert found["dev/console"] == Entry(stat.S_IFCHR | 0o600, b"", (5, 1))
    assert [stat.S_ISDIR(found[folder].mode) for folder in ("host", "layer", "ram", "new")] == [True] * 4


def test_modules_sort_by_name_in_the_order_to_load_them() -> None:
    names = [f"m{number}" for number in reversed(range(12))]
    found = [name for name, _ in entries(archive(b"", b"", dict.fromkeys(names, b""))) if name.startswith("modules/")]
    assert [re.sub(r"modules/\d\d-(.*)\.ko", r"\1", name) for name in sorted(found)] == names


def modules(folder: Path, **needs: str) -> Path:
    """A kernel's modules: each file holds what it depends on, as ``modinfo`` shows it."""
    for number, (name, depends) in enumerate(needs.items()):
        file = folder / f"drivers/{number}/{name}.ko"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"\x7fELF\0license=GPL\0depends=" + depends.encode() + b"\0name=" + name.encode() + b"\0")
    return folder


def test_a_module_is_loaded_after_what_it_needs_and_once(tmp_path: Path) -> None:
    modules(tmp_path, rdma_rxe="ib_core,ib_uverbs", ib_uverbs="ib_core", ib_core="", unused="")
    assert list(load_order(tmp_path, ["rdma_rxe", "ib_uverbs"])) == ["ib_core", "ib_uverbs", "rdma_rxe"]


def test_a_module_has_two_spellings(tmp_path: Path) -> None:
    modules(tmp_path, virtio_net="net_failover", **{"net-failover": ""})
    assert list(load_order(tmp_path, ["virtio-net"])) == ["net_failover", "virtio_net"]


def test_a_module_that_the_kernel_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match=r"no module ib_core$"):
        load_order(modules(tmp_path, rdma_rxe="ib_core"), ["rdma_rxe"])
