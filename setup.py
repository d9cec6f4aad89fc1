"""Only the extension modules; everything else about the project stands in pyproject.toml."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# -g0 keeps debug sections out of the wheels: they would be four fifths of it.
# A memset the compiler writes out itself, for the generic processor, takes twice as long as the C library's.
# MSRP_CFLAGS replaces them, for profilers and sanitizers. MSRP_CHECKED builds with every check there is, for
# tests: asserts of C, Python and Cython, bounds, and what the C library knows of its own functions.
checked = bool(os.environ.get("MSRP_CHECKED"))
usual = "/O2" if sys.platform == "win32" else "-O3 -g0 -fno-builtin-memset"
if checked:
    usual = "-O1 -g -UNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong"
flags = os.environ.get("MSRP_CFLAGS", usual).split()

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"msrp_core.{source.stem}",
                [source.as_posix()],
                depends=[path.as_posix() for path in Path("msrp_core").glob("_*.h")],
                include_dirs=["msrp_core"],
                extra_compile_args=flags,
            )
            for source in sorted(Path("msrp_core").glob("_*.pyx"))
        ],
        build_dir="build/cython",
        language_level=3,
        compiler_directives={"boundscheck": checked, "initializedcheck": checked},
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
