"""A headless Chromium, spoken to over a pair of pipes by its DevTools protocol."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.guest import cache, debian

PACKAGE = "chromium"
ANSWER_SECONDS = 60.0
"""For one command; Chromium starts in about a second, on a busy machine in several."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class Page:
    """One page in a browser.

    Attributes:
        errors: what was written to the console as an error, and what no script caught.
    """

    def __init__(self, ask: Callable[..., Any], session: str, errors: list[str]) -> None:
        self._ask = ask
        self._session = session
        self.errors = errors

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page, which has to be JSON."""
        answer = self._ask("Runtime.evaluate", self._session, expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def point_at(self, x: float, y: float) -> None:
        """Move the pointer there."""
        self._ask("Input.dispatchMouseEvent", self._session, type="mouseMoved", x=x, y=y)


@contextmanager
def opened(file: Path, profile: Path, width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """A file in a browser of its own, with its scripts run; the browser ends with the block."""
    command, environment = chromium()
    out_read, out_write = _high_pipe()
    in_read, in_write = _high_pipe()
    # Chromium reads commands from descriptor 3 and writes answers to 4, ended by zeros. (dash knows none of two
    # digits.)
    line = f'exec "$0" "$@" 3<&{in_read} 4>&{out_write}'
    arguments = (*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", f"--window-size={width},{height}")
    log = (profile.parent / f"{profile.name}.log").open("wb")
    browser = subprocess.Popen(
        ("bash", "-c", line, command, *arguments, "about:blank"),
        pass_fds=(in_read, out_write),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    os.close(in_read)
    os.close(out_write)
    try:
        pipe = _Pipe(in_write, out_read, Path(log.name))
        target = pipe.ask("Target.createTarget", url="about:blank")["targetId"]
        session = pipe.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            pipe.ask(f"{domain}.enable", session)
        pipe.ask("Page.navigate", session, url=file.resolve().as_uri())
        pipe.wait_for("Page.loadEventFired")
        yield Page(pipe.ask, session, pipe.errors)
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        os.close(in_write)
        os.close(out_read)
        log.close()


def _high_pipe() -> tuple[int, int]:
    """A pipe of which neither end is 3 or 4."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


def chromium() -> tuple[str, dict[str, str]]:
    """Its command and environment: the one that is installed, else Debian's, unpacked once beside the guests.

    Raises:
        GuestError: there is none, and this is no Debian, or its archive can not be reached.
    """
    if installed := shutil.which(PACKAGE):
        return installed, dict(os.environ)
    packages = debian.closure([PACKAGE])
    versions = dict(package.split("=", 1) for package in packages)
    key = cache.key(versions, Path(__file__))
    layer = cache.made(PACKAGE, key, lambda folder: _unpack(packages, folder)) / "layer"
    folders = ("usr/lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/pulseaudio", "usr/lib/chromium")
    libraries = ":".join(str(path) for folder in folders for path in layer.glob(folder))
    environment = {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(layer / "fonts.conf")}
    return str(layer / "usr/lib/chromium/chromium"), os.environ | environment


def _unpack(packages: list[str], folder: Path) -> None:
    layer = folder / "layer"
    debian.unpack(packages, layer)
    final = folder.with_name(folder.name.removesuffix(".part")) / "layer"
    (layer / "fonts.conf").write_text(
        f"<fontconfig><dir>/usr/share/fonts</dir><dir>{final}/usr/share/fonts</dir></fontconfig>\n"
    )


class _Pipe:
    """Commands and answers; what happens meanwhile is kept."""

    def __init__(self, write: int, read: int, log: Path) -> None:
        self._write, self._read, self._log = write, read, log
        self._number = 0
        self._buffer = b""
        self._happened: list[str] = []
        self.errors: list[str] = []

    def ask(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """The answer to a command."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def wait_for(self, method: str) -> None:
        """Until an event of this name has come."""
        while method not in self._happened:
            self._next()

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_SECONDS
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"chromium says nothing for {ANSWER_SECONDS:g} s; {self._said()}")
            if not (data := os.read(self._read, 1 << 16)):
                raise AssertionError(f"chromium has ended; {self._said()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._keep(message)
        return message

    def _keep(self, message: dict[str, Any]) -> None:
        method, of = message.get("method", ""), message.get("params", {})
        self._happened.append(method)
        if method == "Runtime.exceptionThrown":
            self.errors.append(of["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning", "assert"):
            self.errors.append(str(of["args"]))
        elif method == "Log.entryAdded" and of["entry"]["level"] in ("error", "warning"):
            self.errors.append(of["entry"]["text"])

    def _said(self) -> str:
        return f"it said: {self._log.read_text(errors='replace')[-2000:] or 'nothing'}"
