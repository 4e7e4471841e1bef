"""Debian packages without installing any: asked of apt, fetched, and unpacked into a folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.guest import GuestError


def candidates(names: Iterable[str]) -> dict[str, str]:
    """The version of each package that apt would fetch.

    Raises:
        GuestError: this is no Debian, its package lists are missing, or it has no such package.
    """
    wanted = list(names)
    found = _candidates(wanted)
    if found.keys() < set(wanted):
        update("apt has no package lists" if not found else "some packages are not in apt's lists")
        found = _candidates(wanted)
    if missing := [name for name in wanted if name not in found]:
        raise GuestError(f"no package {', '.join(missing)} in apt's lists; the guest is made from those of Debian 12")
    return found


def _candidates(names: Sequence[str]) -> dict[str, str]:
    pattern = re.compile(r"^(\S+):\n(?:  Installed: .*\n)?  Candidate: (?!\(none\))(\S+)$", re.M)
    return dict(pattern.findall(_ask("apt-cache", "policy", *names)))


def depends(package: str) -> str:
    """What a package that only names another one names: ``linux-image-amd64`` the kernel of the day."""
    found = re.search(r"^ +Depends: (\S+)", _ask("apt-cache", "depends", package), re.M)
    if found is None:
        raise GuestError(f"package {package} depends on nothing")
    return found[1]


def closure(names: Sequence[str]) -> list[str]:
    """These packages and those that they need and this machine lacks, as ``name=version``."""
    plan = _ask("apt-get", "--simulate", "--no-install-recommends", "install", *names)
    new = dict(re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", plan, re.M))
    return [f"{name}={version}" for name, version in (candidates(names) | new).items()]


def unpack(packages: Sequence[str], into: Path) -> None:
    """Fetch packages and unpack them into ``into``, one over the other."""
    debs = into.with_name(into.name + ".debs")
    debs.mkdir(parents=True)
    try:
        _ask("apt-get", "download", *packages, folder=debs)
    except GuestError as stale:
        # Lists older than the archive name versions that it no longer has.
        update(str(stale))
        _ask("apt-get", "download", *(package.partition("=")[0] for package in packages), folder=debs)
    into.mkdir(parents=True, exist_ok=True)
    for directory in ("bin", "lib", "lib64", "sbin"):
        # As on Debian itself: a real /bin in a layer would hide what lies behind the link of that name.
        (into / "usr" / directory).mkdir(parents=True, exist_ok=True)
        (into / directory).symlink_to(f"usr/{directory}")
    for deb in sorted(debs.iterdir()):
        # Not dpkg-deb --extract, which puts directories in the place of those links.
        with subprocess.Popen(("dpkg-deb", "--fsys-tarfile", deb), stdout=subprocess.PIPE) as files:
            tar = subprocess.run(("tar", "-x", "--keep-directory-symlink", "-C", into), stdin=files.stdout)
        if files.returncode or tar.returncode:
            raise GuestError(f"{deb.name} could not be unpacked")
        deb.unlink()
    debs.rmdir()


def update(reason: str) -> None:
    """Fetch apt's package lists anew, which only root may."""
    if os.geteuid() != 0:
        raise GuestError(f"{reason}; run as root: apt-get update")
    _ask("apt-get", "update")


def _ask(*command: str, folder: Path | None = None) -> str:
    """What a command of Debian prints; its last line of complaint where it fails."""
    environment = os.environ | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise GuestError(f"no {command[0]} here: the guest is made from Debian's packages, on Debian") from None
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.startswith(("E: ", "dpkg-deb: error"))]
        said = (complaints or done.stderr.splitlines() or ["no reason given"])[0]
        raise GuestError(f"{' '.join(command[:2])}: {said.removeprefix('E: ')}")
    return done.stdout
