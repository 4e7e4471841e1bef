"""Run commands in guests, and make these: ``python -m tests.guest build | run | test``."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from pathlib import Path

from tests.guest import GuestError, build, run, suite, uml

FAILED = 125
"""Exit status when it was not the command that failed; 124 for its time limit, as `timeout` has it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guest", description="Linux guests with an RDMA device.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="make QEMU's guest, if it is not there")
    building.add_argument("--uml", action="store_true", help="make User-Mode Linux too (minutes)")
    running = commands.add_parser("run", help="run a command in a guest, in this checkout")
    running.add_argument("--uml", action="store_true", help="under User-Mode Linux: quicker, one CPU")
    running.add_argument("--cpus", type=int, default=2)
    running.add_argument("--unhurried", action="store_true", help="QEMU's clock goes by instructions; one CPU")
    running.add_argument("--memory", type=int, default=4096, metavar="MiB")
    running.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    running.add_argument("--share", type=Path, metavar="FOLDER", help="the guest writes to it; elsewhere it vanishes")
    running.add_argument("line", nargs="+", metavar="COMMAND", help="one word is a line of shell")
    commands.add_parser("test", help="run the tests over verbs: in guests, and on two from outside")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    try:
        match chosen.command:
            case "build":
                return make(chosen.uml)
            case "run":
                return execute(chosen)
            case _:
                return suite.main()
    except run.TimeLimit as late:
        print(f"guest: {late}", file=sys.stderr)
        return 124
    except GuestError as problem:
        print(f"guest: {problem}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def make(with_uml: bool) -> int:
    print(build.image().folder)
    if with_uml:
        print(uml.make())
    return 0


def execute(chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    share = chosen.share and chosen.share.resolve(strict=True)
    sizes = {"cpus": chosen.cpus, "memory": chosen.memory}
    kinds = {"uml": chosen.uml, "unhurried": chosen.unhurried}
    with run.boot(**kinds, **sizes, share=share, echo=sys.stdout.buffer) as guest:
        build.say(f"up after {time.monotonic() - began:.1f} s")
        line = chosen.line[0] if len(chosen.line) == 1 else shlex.join(chosen.line)
        status = guest.run(line, chosen.timeout)
        if share:
            guest.run("sync", chosen.timeout)  # what a kernel holds back of its files is lost in a power cut
        build.say(f"the command ended with {status} after {time.monotonic() - began:.1f} s")
        return status


if __name__ == "__main__":
    sys.exit(main())
