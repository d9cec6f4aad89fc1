"""What an archive must hold, and what not: contents.py ARCHIVE (a wheel or an sdist)."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]  # import name: folder
UNWANTED_IN_WHEEL = (".pyx", ".pxd", ".c", ".h", ".o", ".pyc")
UNWANTED_IN_SDIST = (".c", ".o", ".so", ".pyd", ".pyc")
NOT_IN_SDIST = (".github/", ".gitignore")


def wheel_faults(archive: Path) -> list[str]:
    """Compare a wheel with the package list, and with the modules in the tree."""
    with zipfile.ZipFile(archive) as wheel:
        held = {name: wheel.getinfo(name).file_size for name in wheel.namelist() if ".dist-info/" not in name}
        debugged = [n for n in held if n.endswith(".so") and b"\0.debug_info\0" in wheel.read(n)]
    packages = {name.rpartition("/")[0].replace("/", ".") for name in held if ".libs/" not in name}
    faults = [f"unlisted package {name}" for name in sorted(packages - set(SETUPTOOLS["packages"]))]
    faults += [f"no package {name}" for name in sorted(set(SETUPTOOLS["packages"]) - packages)]
    faults += [f"debug sections in {name}" for name in debugged]
    faults += [f"unwanted {name}" for name in sorted(held) if name.endswith(UNWANTED_IN_WHEEL)]
    for name, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            inside = f"{name}/{path.relative_to(ROOT / folder).as_posix()}"
            if path.suffix in (".py", ".pyi") or path.name == "py.typed":
                faults += [] if inside in held else [f"no {inside}"]
            elif path.suffix == ".pyx":
                module = inside.removesuffix("pyx")
                built = [n for n in held if n.startswith(module) and n.endswith((".so", ".pyd"))]
                faults += [] if built else [f"no extension {module.removesuffix('.')}"]
    for inside in held:
        name, _, rest = inside.partition("/")
        if inside.endswith((".py", ".pyi")) and not (ROOT / FOLDERS.get(name, name) / rest).exists():
            faults.append(f"{inside} rode along: it is not in the tree")
    return faults


def sdist_faults(archive: Path) -> list[str]:
    """Compare an sdist with what git knows (in a clone)."""
    with tarfile.open(archive) as sdist:
        held = {entry.name.partition("/")[2] for entry in sdist if entry.isfile()}
    faults = [f"unwanted {name}" for name in sorted(held) if name.endswith(UNWANTED_IN_SDIST)]
    if (ROOT / ".git").exists():
        listing = ["git", "ls-files", "--cached"]
        known = subprocess.check_output(listing, cwd=ROOT, text=True).splitlines()
        tree = {name for name in known if not name.startswith(NOT_IN_SDIST) and (ROOT / name).is_file()}
        faults += [f"no {name}" for name in sorted(tree - held)]
        made = {name for name in held if ".egg-info/" in name} | {"PKG-INFO", "setup.cfg"}
        faults += [f"{name} rode along: it is not in the tree" for name in sorted(held - tree - made)]
    return faults


def main() -> int:
    """Print every fault; 1 if there is one."""
    archive = Path(sys.argv[1])
    faults = wheel_faults(archive) if archive.suffix == ".whl" else sdist_faults(archive)
    for fault in faults:
        print(f"{archive.name}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
