"""Linking Debian's pyverbs into a virtual environment: that one package, or one line that says why not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rayrdma import pyverbs_link
from rayrdma.model.errors import EnvironmentProblem

THIS = f"cpython-{sys.version_info.major}{sys.version_info.minor}-x86_64-linux-gnu"


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    return folder


def debian(folder: Path, *, abi: str = THIS, on_import: str = "") -> Path:
    """A package like Debian's, with what its import does."""
    package = folder / "dist-packages" / "pyverbs"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "qp.py").write_text(on_import)
    (package / f"device.{abi}.so").touch()
    (package.parent / "another.py").touch()
    return package


def refused(site_packages: Path, package: Path) -> str:
    """The one line, after which no link is there."""
    with pytest.raises(EnvironmentProblem) as refusal:
        pyverbs_link.link(site_packages, package)
    assert "\n" not in str(refusal.value)
    assert not (site_packages / "pyverbs").is_symlink()
    return str(refusal.value)


def test_pyverbs_is_linked_and_nothing_else_of_debian(tmp_path: Path, site_packages: Path) -> None:
    package = debian(tmp_path)
    assert pyverbs_link.link(site_packages, package) == site_packages / "pyverbs"
    (linked,) = site_packages.iterdir()
    assert linked.readlink() == package


def test_linking_again_changes_nothing(tmp_path: Path, site_packages: Path) -> None:
    package = debian(tmp_path)
    assert pyverbs_link.link(site_packages, package) == pyverbs_link.link(site_packages, package)
    assert [path.name for path in site_packages.iterdir()] == ["pyverbs"]


def test_where_it_is_not_installed_the_command_is_told(tmp_path: Path, site_packages: Path) -> None:
    assert refused(site_packages, tmp_path / "nowhere").endswith(
        ": apt install python3-pyverbs ibverbs-providers rdma-core"
    )


def test_another_python_is_named(tmp_path: Path, site_packages: Path) -> None:
    said = refused(site_packages, debian(tmp_path, abi="cpython-39-x86_64-linux-gnu"))
    assert said.startswith(f"Debian's pyverbs is for Python 3.9, this is {sys.version_info[0]}.{sys.version_info[1]}: ")


def test_a_library_that_is_missing_is_named(tmp_path: Path, site_packages: Path) -> None:
    complaint = "libibverbs.so.1: cannot open shared object file: No such file or directory"
    said = refused(site_packages, debian(tmp_path, on_import=f"raise ImportError({complaint!r})"))
    assert said.startswith(f"pyverbs does not load (ImportError: {complaint}): apt install ")


def test_another_pyverbs_is_left_alone(tmp_path: Path, site_packages: Path) -> None:
    own = site_packages / "pyverbs"
    own.mkdir()
    assert f"another pyverbs is there: {own}" in refused(site_packages, debian(tmp_path))
    assert own.is_dir()


def test_the_command_says_what_it_did(
    tmp_path: Path, site_packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(site_packages))
    monkeypatch.setattr(pyverbs_link, "DEBIAN", debian(tmp_path))
    assert pyverbs_link.main() == 0
    assert capsys.readouterr().out == f"verbs: pyverbs loads, by the link {site_packages / 'pyverbs'}\n"

    monkeypatch.setattr(pyverbs_link, "DEBIAN", tmp_path / "nowhere")
    assert pyverbs_link.main() == 2
    assert capsys.readouterr().err.startswith("verbs: pyverbs is not installed (")
