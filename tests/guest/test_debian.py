"""Packages from an apt that is made up here: what is fetched, how it is unpacked, and what is said where it cannot."""

from __future__ import annotations

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.guest import GuestError, debian


class Archive:
    """Commands of Debian in a folder of their own, which is all that PATH names but the system's tools."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.lists = folder / "lists"
        self.lists.touch()
        self.log = folder / "log"
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        (folder / "bin").mkdir()
        self.command("apt-cache", 'case "$1" in policy) cat lists ;; depends) cat depends ;; esac')
        self.command(
            "apt-get",
            'case "$1" in\n'
            "--simulate) cat simulated ;;\n"
            'download) shift; for wanted; do cp "archive/$wanted.deb" "$here" || { echo "E: 404 for $wanted" >&2;'
            " exit 100; }; done ;;\n"
            "update) cp fresh lists ;;\n"
            "esac",
        )
        self.command("dpkg-deb", 'case "$1" in --fsys-tarfile) cat "$here/$2" 2>/dev/null || cat "$2" ;; esac')

    def command(self, name: str, body: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(f'#!/bin/sh\nhere=$PWD; cd {self.folder}\necho "{name} $*" >> log\n{body}\n')
        file.chmod(0o755)

    def remove(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a machine that is no Debian."""
        (self.folder / "bin" / name).unlink()
        monkeypatch.setenv("PATH", str(self.folder / "bin"))

    def package(self, name: str, **files: str) -> None:
        """Put a package into the archive."""
        (self.folder / "archive").mkdir(exist_ok=True)
        with tarfile.open(self.folder / "archive" / f"{name}.deb", "w") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo("./" + path)
                entry.size = len(content)
                archive.addfile(entry, BytesIO(content.encode()))

    def policy(self, file: str, **candidates: str) -> None:
        lines = [
            f"{name}:\n  Installed: (none)\n  Candidate: {version}\n  Version table:\n     {version} 500\n"
            for name, version in candidates.items()
        ]
        (self.folder / file).write_text("".join(lines))

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    folder = tmp_path / "debian"
    folder.mkdir()
    return Archive(folder, monkeypatch)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_the_version_is_the_one_that_apt_would_fetch(archive: Archive) -> None:
    archive.policy("lists", qemu="1:7.2+dfsg-7", busybox="1.35")
    assert debian.candidates(["qemu", "busybox"]) == {"qemu": "1:7.2+dfsg-7", "busybox": "1.35"}
    assert archive.asked() == ["apt-cache policy qemu busybox"]


@pytest.mark.usefixtures("root")
def test_lists_that_are_missing_are_fetched(archive: Archive) -> None:
    archive.policy("fresh", qemu="7.2")
    assert debian.candidates(["qemu"]) == {"qemu": "7.2"}
    assert "apt-get update" in archive.asked()


@pytest.mark.usefixtures("somebody")
def test_only_root_fetches_lists(archive: Archive) -> None:
    with pytest.raises(GuestError, match=r"^apt has no package lists; run as root: apt-get update$"):
        debian.candidates(["qemu"])
    assert "apt-get update" not in archive.asked()


@pytest.mark.usefixtures("root")
def test_a_package_that_is_not_there_is_named(archive: Archive) -> None:
    archive.policy("lists", qemu="7.2", pyverbs="(none)")
    archive.policy("fresh", qemu="7.2", pyverbs="(none)")
    with pytest.raises(GuestError, match=r"^no package pyverbs in apt's lists; .* Debian 12$"):
        debian.candidates(["qemu", "pyverbs"])


def test_where_there_is_no_apt_it_is_said(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.remove("apt-cache", monkeypatch)
    with pytest.raises(GuestError, match=r"^no apt-cache here: .* on Debian$"):
        debian.candidates(["qemu"])


def test_a_package_comes_with_what_it_needs_and_the_machine_lacks(archive: Archive) -> None:
    archive.policy("lists", qemu="1:7.2")
    (archive.folder / "simulated").write_text(
        "Inst libfdt1 (1.6 Debian:12 [amd64])\nInst libc6 [2.35] (2.36 Debian:12 [amd64])\n"
        "Inst qemu (1:7.2 Debian:12 [amd64])\nConf qemu (1:7.2 Debian:12 [amd64])\n"
    )
    assert sorted(debian.closure(["qemu"])) == ["libc6=2.36", "libfdt1=1.6", "qemu=1:7.2"]


def test_one_that_is_installed_comes_all_the_same(archive: Archive) -> None:
    archive.policy("lists", busybox="1.35")
    (archive.folder / "simulated").write_text("busybox is already the newest version (1.35).\n")
    assert debian.closure(["busybox"]) == ["busybox=1.35"]


def test_packages_are_unpacked_over_each_other_as_on_a_debian(archive: Archive, tmp_path: Path) -> None:
    archive.package("a=1", **{"bin/busybox": "b", "usr/bin/rdma": "r"})
    archive.package("b=2", **{"lib/x86_64-linux-gnu/libnl.so": "n", "usr/lib/x86_64-linux-gnu/libibverbs.so": "v"})
    layer = tmp_path / "layer"
    debian.unpack(["a=1", "b=2"], layer)
    assert (layer / "bin").readlink() == Path("usr/bin")
    assert {path.name for path in (layer / "usr" / "bin").iterdir()} == {"busybox", "rdma"}
    assert {path.name for path in (layer / "lib" / "x86_64-linux-gnu").iterdir()} == {"libnl.so", "libibverbs.so"}
    assert {path.name for path in tmp_path.iterdir()} == {"debian", "layer"}


@pytest.mark.usefixtures("root")
def test_lists_older_than_the_archive_are_fetched_anew(archive: Archive, tmp_path: Path) -> None:
    archive.policy("fresh")
    archive.package("a", **{"usr/bin/rdma": "r"})  # the archive has only another version now
    debian.unpack(["a=1"], tmp_path / "layer")
    assert (tmp_path / "layer" / "usr" / "bin" / "rdma").read_text() == "r"
    assert "apt-get update" in archive.asked()


@pytest.mark.usefixtures("somebody")
def test_who_cannot_fetch_lists_is_told_why_they_are_needed(archive: Archive, tmp_path: Path) -> None:
    archive.package("b")
    with pytest.raises(GuestError, match=r"^apt-get download: 404 for a=1; run as root: apt-get update$"):
        debian.unpack(["a=1"], tmp_path / "layer")


def test_the_kernel_of_the_day_is_what_its_package_depends_on(archive: Archive) -> None:
    (archive.folder / "depends").write_text("linux-image-amd64\n  Depends: linux-image-6.1.0-56-amd64\n")
    assert debian.depends("linux-image-amd64") == "linux-image-6.1.0-56-amd64"
