"""Only the extension modules; everything else about the project stands in pyproject.toml."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# -g0 keeps debug sections out of the wheels: they would be four fifths of it.
# A memset the compiler writes out itself, for the generic processor, takes twice as long as the C library's.
# MSRP_CFLAGS replaces them, for profilers and sanitizers.
usual = "/O2" if sys.platform == "win32" else "-O3 -g0 -fno-builtin-memset"
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
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
