"""The set-up holds: what is pinned, what a wheel carries, what each command runs and what it says when it cannot."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = ROOT / "requirements.lock"

# `make test` hands its own flags and variables down to every make that a test starts.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=ENVIRONMENT | variables, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def succeed(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = run(*command, cwd=cwd, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The lock


def test_the_lock_holds_pins_and_hashes_and_nothing_else():
    pin = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*( ; [a-zA-Z0-9_'<>=!(). ]+)? \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?P<more> \\)?")
    hash_follows = False
    for number, line in enumerate(LOCK.read_text().splitlines(), start=1):
        matched = (digest if hash_follows else pin).fullmatch(line)
        assert matched, f"requirements.lock:{number}: {line}"
        hash_follows = matched.re is pin or matched["more"] is not None
    assert not hash_follows, "requirements.lock ends within a pin"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_requirement_has_one_pin_that_fits(python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [Requirement(line.rstrip(" \\")) for line in LOCK.read_text().splitlines() if not line.startswith(" ")]
    pinned: dict[str, str] = {}
    for pin in pins:
        if pin.marker is None or pin.marker.evaluate(environment):
            assert canonicalize_name(pin.name) not in pinned, f"{pin.name} is pinned twice for Python {python}"
            pinned[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    project = PROJECT["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["dev"] + PROJECT["build-system"]["requires"]
    for requirement in map(Requirement, needed):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement} has no pin"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} is pinned at {version}"


# What is built


def build(kind: str, source: Path, into: Path) -> Path:
    """Calls the build backend as pip does, without isolation and without a network."""
    into.mkdir(parents=True, exist_ok=True)
    program = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    succeed(sys.executable, "-c", program, into, cwd=source)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that a build leaves nothing in it."""
    copy = tmp_path_factory.mktemp("checkout") / "rayrdma"
    not_sources = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=not_sources)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    return build("wheel", source, source.parent / "wheel")


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_takes_no_generic_name(wheel: Path):
    tops = {name.split("/")[0] for name in names(wheel)}
    assert tops == {"rayrdma", f"rayrdma-{PROJECT['project']['version']}.dist-info"}


def test_the_wheel_holds_every_module(source: Path, wheel: Path):
    modules = {
        str(Path(folder, file).relative_to(source))
        for folder, _, files in os.walk(source / "rayrdma", followlinks=True)
        for file in files
        if file.endswith(".py")
    }
    assert {"rayrdma/actors/__init__.py", "rayrdma/clusters/__init__.py"} <= modules
    assert {name for name in names(wheel) if name.endswith(".py")} == modules


def test_the_wheel_is_typed_and_licensed_and_brings_the_command(wheel: Path):
    info = f"rayrdma-{PROJECT['project']['version']}.dist-info"
    assert {"rayrdma/py.typed", f"{info}/licenses/LICENSE"} <= names(wheel)
    assert "rayrdma = rayrdma.cli:main" in zipfile.ZipFile(wheel).read(f"{info}/entry_points.txt").decode()


def test_a_wheel_from_the_sdist_is_the_same(source: Path, wheel: Path, tmp_path: Path):
    with tarfile.open(build("sdist", source, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("rayrdma-*")
    assert names(build("wheel", unpacked, tmp_path / "wheel")) == names(wheel)


def test_an_installed_wheel_imports(wheel: Path, tmp_path: Path):
    installed = tmp_path / "installed"
    succeed(sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-t", installed, wheel, cwd=tmp_path)
    program = "import rayrdma.actors, rayrdma.clusters; print(rayrdma.actors.__file__, rayrdma.clusters.__file__)"
    printed = succeed(sys.executable, "-c", program, cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed.split() == [str(installed / "rayrdma" / part / "__init__.py") for part in ("actors", "clusters")]


# The commands

COMMANDS = {
    "setup": [],
    "demo": ["bin/rayrdma table"],
    "test": ['-m pytest -m "not live and not verbs and not guests and not browser" -n 2', "-m pytest -m live"],
    "check": ["-m ruff check .", "-m ruff format --check .", "-m mypy --strict"],
    "verbs": ["-m rayrdma.pyverbs_link"],
    "test-verbs": ["-m tests.guest test"],
    "test-browser": ["-m pytest -m browser"],
    "kills": ["-m tests.actors.kills"],
    "soak": ["-m tests.soak", "-m tests.swarm"],
    "bench": ["bin/rayrdma bench"],
    "lock": ["--generate-hashes"],
    "clean": ["rm -rf .venv"],
}


@pytest.mark.parametrize("target", COMMANDS)
def test_each_command_runs_what_it_says(target: str):
    plan = succeed("make", "-n", target, cwd=ROOT)
    places = [plan.find(command) for command in COMMANDS[target]]
    assert -1 not in places, plan
    assert places == sorted(places), plan


def test_make_alone_lists_the_commands():
    assert re.findall(r"^make ([\w-]+) ", succeed("make", cwd=ROOT), re.M) == ["help", *COMMANDS]


def test_types_are_checked_in_the_linked_folders():
    assert PROJECT["tool"]["mypy"]["packages"] == ["rayrdma"]
    for folder in ("actors", "clusters"):
        assert (ROOT / "rayrdma" / folder).readlink() == Path("..", folder)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_documents_name_the_commands(document: str):
    text = (ROOT / document).read_text()
    assert [f"make {target}" for target in ("setup", "demo", "test", "check") if f"make {target}" not in text] == []


# make setup, with an interpreter that writes down what it is asked

FAKE_PYTHON = r"""#!/bin/sh
case "$*" in
*version_info*) exec {python} -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' "$2" ;;
*ensurepip*) exit {without_venv} ;;
*"-m venv"*) mkdir -p .venv/bin && rm -f .venv/*/* .venv/installed* && cp "$0" .venv/bin/python ;;
esac
case "$*" in -m*) echo "$*" >> {log} ;; esac
case "$*" in *"-m pip"*) test ! -e {log}.offline ;; esac
"""
VENV = "-m venv --clear .venv"
INSTALL = [
    "-m pip install --quiet --require-hashes -r requirements.lock",
    "-m pip install --quiet --no-deps --no-build-isolation -e .",
]


class Checkout:
    """A checkout with the files that `make setup` looks at, and an interpreter that only takes notes."""

    def __init__(self, folder: Path, *, version: tuple[int, ...] = (3, 11, 2), without_venv: bool = False):
        self.folder = folder / "a checkout"
        self.folder.mkdir()
        for name in ("Makefile", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)
        self.log = folder / "log"
        self.python = folder / "python"
        self.python.write_text(
            FAKE_PYTHON.format(python=sys.executable, version=version, without_venv=int(without_venv), log=self.log)
        )
        self.python.chmod(0o755)

    def setup(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return run("make", "setup", f"PYTHON={self.python}", cwd=self.folder, **variables)

    def asked(self) -> list[str]:
        """What the interpreter was asked to run since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


def test_setup_installs_once(tmp_path: Path):
    checkout = Checkout(tmp_path)
    first = checkout.setup()
    assert first.returncode == 0, first.stderr
    assert checkout.asked() == [VENV, *INSTALL]
    assert all(line.startswith("setup: ") for line in first.stdout.splitlines())

    assert checkout.setup().returncode == 0
    assert checkout.asked() == []


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_setup_installs_again_into_the_same_venv_when_a_pin_changed(tmp_path: Path, changed: str):
    checkout = Checkout(tmp_path)
    assert checkout.setup().returncode == 0
    checkout.asked()
    (stamp,) = checkout.folder.glob(".venv/installed-*")
    older = (checkout.folder / changed).stat().st_mtime_ns - 1
    os.utime(stamp, ns=(older, older))
    assert checkout.setup().returncode == 0
    assert checkout.asked() == INSTALL


def test_setup_starts_anew_in_a_moved_folder(tmp_path: Path):
    checkout = Checkout(tmp_path)
    assert checkout.setup().returncode == 0
    checkout.asked()
    checkout.folder = checkout.folder.rename(tmp_path / "moved")
    assert checkout.setup().returncode == 0
    assert checkout.asked() == [VENV, *INSTALL]


def test_setup_that_failed_is_not_taken_for_done(tmp_path: Path):
    checkout = Checkout(tmp_path)
    offline = tmp_path / "log.offline"
    offline.touch()
    assert checkout.setup().returncode != 0
    assert checkout.asked() == [VENV, INSTALL[0]]
    offline.unlink()
    assert checkout.setup().returncode == 0
    assert checkout.asked() == [VENV, *INSTALL]


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 2
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]


def test_setup_names_a_python_that_is_too_old(tmp_path: Path):
    checkout = Checkout(tmp_path, version=(3, 10, 13))
    (line,) = said(checkout.setup())
    assert "is too old; rayrdma needs 3.11 or later" in line
    assert checkout.asked() == []


def test_setup_names_the_package_that_brings_venv(tmp_path: Path):
    checkout = Checkout(tmp_path, without_venv=True)
    (line,) = said(checkout.setup())
    assert line.endswith("apt install python3-venv")
    assert checkout.asked() == []


def test_setup_says_when_there_is_no_python(tmp_path: Path):
    checkout = Checkout(tmp_path)
    checkout.python.unlink()
    (line,) = said(checkout.setup())
    assert line.startswith(f"setup: no {checkout.python} here; install it")


def test_clean_keeps_the_run_folders(tmp_path: Path):
    checkout = Checkout(tmp_path)
    for kept in ("runs/table", "actors"):
        (checkout.folder / kept).mkdir(parents=True)
    for removed in (".venv/bin", "build", "rayrdma.egg-info", "actors/__pycache__", ".mypy_cache"):
        (checkout.folder / removed).mkdir(parents=True)
    succeed("make", "clean", cwd=checkout.folder)
    left = {str(path.relative_to(checkout.folder)) for path in checkout.folder.rglob("*") if path.is_dir()}
    assert left == {"runs", "runs/table", "actors"}


# CI


@pytest.mark.parametrize(("failing", "ran"), [("none", ["check", "test", "kills", "test-verbs"]), ("check", ["check"])])
def test_ci_runs_its_commands_and_stops_at_a_failure(tmp_path: Path, failing: str, ran: list[str]):
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/log\ntest "$*" != {failing}\n')
    make.chmod(0o755)
    done = run("bash", ROOT / ".ci" / "run", cwd=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}", CI="true")
    assert (tmp_path / "log").read_text().split() == ran
    assert (done.returncode == 0) == (failing == "none")
