"""Build a wheel from the sdist for each CPython found, and try it where nothing else is.

wheels.py [--ends] [--tests | --part]: for all of them, or only for the oldest and the newest; --tests
also runs the tests against each wheel, but for the Python of .venv, where `make test` runs them; --part
runs against each what depends most on the Python and on the package (`PART`). The interpreters are looked
for on PATH, in ~/.pyenv/versions and in $PYTHONS. The sdist and the wheels end up in dist/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
SUITED = """
import ensurepip, os, sys, sysconfig, venv
assert sys.implementation.name == "cpython" and sys.version_info >= (3, 11)
assert not sysconfig.get_config_var("Py_GIL_DISABLED")
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(sys.version_info[1], sys.executable, "%d.%d.%d" % sys.version_info[:3], sep="\\n")
"""
# What is compiled, what computes, what keeps order, the examples, and a journey of each command. The rest
# is about loops, sockets and files, of which one Python shows what another would
# (docs/decisions/0143-what-each-wheel-is-tried-with.md).
PART = (
    [ROOT / "tests" / name for name in ("core", "house", "sasl", "protocol", "examples/test_examples.py")],
    ["-m", "journey", ROOT / "tests/cli"],
)
IMPORTS = "import msrp_core._parser, msrp_core._writer, msrp_core, msrp_sasl, msrp_peer"
# Nothing of Kerberos is there, neither headers nor the extra; who asks for it is told.
NO_KERBEROS = """
import importlib.util, msrp_sasl
assert importlib.util.find_spec("gssapi") is None
try:
    msrp_sasl.Kerberos()
except msrp_sasl.SaslError as error:
    assert 'pip install "msrp-peer[kerberos]"' in str(error)
else:
    raise AssertionError("Kerberos without its extra")
"""


def pythons() -> dict[int, tuple[str, str]]:
    """The interpreters to build for: {minor version: (path, full version)}, the first found of each."""
    wanted = os.environ.get("PYTHONS", "").split()
    # a PATH without our own environment, whose python3 would hide the system's
    path = [p for p in os.get_exec_path() if Path(p).resolve() != Path(sys.executable).parent.resolve()]
    names = ["python3", *(f"python3.{minor}" for minor in range(11, 20))]
    on_path = [f"{folder}/{name}" for name in names for folder in path]
    pyenv = sorted(map(str, Path.home().glob(".pyenv/versions/*/bin/python3")))
    found: dict[int, tuple[str, str]] = {}
    for candidate in wanted + on_path + pyenv:
        if not (command := shutil.which(candidate)):
            continue
        said = subprocess.run([command, "-c", SUITED], capture_output=True, text=True, check=False)
        if said.returncode == 0:
            minor, executable, version = said.stdout.split("\n")[:3]
            found.setdefault(int(minor), (executable, version))
        elif candidate in wanted:
            sys.exit(f"{candidate} of $PYTHONS cannot be used: {said.stderr.strip().splitlines()[-1:]}")
    return dict(sorted(found.items()))


class Attempt:
    """One interpreter: build, repair, install, try; everything said goes to one log."""

    all_processors = threading.Lock()  # taken by one attempt at a time

    def __init__(self, minor: int, python: str, version: str, work: Path, sdist: Path) -> None:
        self.minor, self.python, self.version, self.work, self.sdist = minor, python, version, work, sdist
        self.step = ""
        self.done = "built, installed, demo ran"
        self.log = work / "log"
        # Neither the user's environment nor the tree may lend the wheel anything.
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        self.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        self.at_home = self.environ | {"HOME": str(work / "home")}
        # for the build's own environment; older pips read the first, newer ones the second
        self.pins = str(ROOT / "constraints.txt")
        self.pinned = self.environ | {"PIP_CONSTRAINT": self.pins, "PIP_BUILD_CONSTRAINT": self.pins}

    def run(self, step: str, *command: str | Path, environ: dict[str, str] | None = None) -> None:
        self.step = step
        with self.log.open("a") as log:
            print("$", *command, file=log, flush=True)
            subprocess.run(
                command, check=True, cwd=self.work / "home", env=environ or self.environ,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=1800,
            )  # fmt: skip

    def told(self) -> bool:
        """Whether the wheel is good; says so in a line, and why not before it."""
        began = time.monotonic()
        try:
            wheel = self()
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            log = self.log.read_text() if self.log.exists() else ""
            print(f"{log}\n{error}\n{self.version:9} FAILED at: {self.step} ({self.python})", flush=True)
            return False
        size = wheel.stat().st_size // 1024
        line = f"{self.done}: {wheel.name}, {size} KiB, {time.monotonic() - began:.0f} s ({self.python})"
        print(f"{self.version:9} {line}", flush=True)
        return True

    def __call__(self) -> Path:
        for folder in ("home", "built", "repaired"):
            (self.work / folder).mkdir(parents=True)
        env, built, repaired = self.work / "env", self.work / "built", self.work / "repaired"
        self.run("environment", self.python, "-m", "venv", env)
        pip = (env / "bin/pip", "-qq", "--no-input")
        self.run("build", *pip, "wheel", "--no-deps", "--wheel-dir", built, self.sdist, environ=self.pinned)
        if shutil.which("auditwheel"):
            self.run("repair", "auditwheel", "repair", "--wheel-dir", repaired, *built.glob("*.whl"))
        else:
            shutil.copytree(built, repaired, dirs_exist_ok=True)
        (wheel,) = repaired.glob("*.whl")
        self.run("contents", sys.executable, ROOT / ".ci/contents.py", wheel)
        self.run("install", *pip, "install", "-c", self.pins, wheel)
        self.run("pip check", *pip, "check")
        self.run("import", env / "bin/python", "-I", "-c", IMPORTS, environ=self.at_home)
        self.run("no Kerberos", env / "bin/python", "-I", "-c", NO_KERBEROS, environ=self.at_home)
        self.run("msrp --version", env / "bin/msrp", "--version", environ=self.at_home)
        self.run("msrp demo", env / "bin/msrp", "demo", environ=self.at_home)
        everything = "--tests" in sys.argv and self.minor != sys.version_info.minor
        if everything or "--part" in sys.argv:
            extras = "test,kerberos" if shutil.which("krb5-config") else "test"
            self.run("test tools", *pip, "install", "-c", self.pins, f"{wheel}[{extras}]")
            report, allowed = self.work / "junit.xml", ROOT / ".ci/allowed-skips"
            options = ["-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", f"--junitxml={report}"]
            options += ["-n", "auto", "--dist", "loadfile"]
            with self.all_processors:
                for part in ([ROOT / "tests"],) if everything else PART:
                    self.run("tests", env / "bin/pytest", *options, *part, environ=self.at_home)
                    self.run("skips", sys.executable, ROOT / ".ci/skips.py", report, allowed)
            self.done += ", tests passed" if everything else ", their part of the tests passed"
        return Path(shutil.copy(wheel, DIST))


def make_sdist() -> Path:
    """Build it from the tree; nothing an earlier build left may ride along."""
    leftovers = [ROOT / "build", *ROOT.glob("*.egg-info"), DIST]
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)
    builder = Path(sys.executable).with_name("pyproject-build")
    command = [builder, "--sdist", "--no-isolation", "--outdir", DIST, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    for leftover in [ROOT / "build", *ROOT.glob("*.egg-info")]:
        shutil.rmtree(leftover, ignore_errors=True)
    (sdist,) = DIST.glob("*.tar.gz")
    if subprocess.run([sys.executable, ROOT / ".ci/contents.py", sdist], check=False).returncode:
        sys.exit("the sdist does not hold what it should")
    return sdist


def main() -> int:
    """Print a table; 1 if a wheel failed."""
    found = pythons()
    if "--ends" in sys.argv and len(found) > 2:
        found = {minor: found[minor] for minor in (min(found), max(found))}
    sdist = make_sdist()
    print(f"sdist     {sdist.name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="msrp-wheels-") as scratch:
        attempts = [
            Attempt(minor, python, version, Path(scratch) / f"cp3{minor}", sdist)
            for minor, (python, version) in found.items()
        ]
        # Building and installing is work for one processor each.
        with ThreadPoolExecutor(os.cpu_count()) as beside:
            good = list(beside.map(Attempt.told, attempts))
    print(f"{sum(good)} of {len(found)} wheels good")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
