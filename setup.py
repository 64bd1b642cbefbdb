"""Build the kernels: every ``.pyx`` under ``src/dqcore/_native`` is an extension of its own.

Three builds, chosen by ``DQCORE_BUILD``: ``release`` (the default), ``debug`` (asserts, no optimisation) and
``sanitize`` (AddressSanitizer and UndefinedBehaviorSanitizer; see ``make sanitize`` for how to run it).
``DQCORE_ABI3=1`` builds for the stable ABI of Python 3.11.
"""

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = Path("src/dqcore/_native")
HARDENED = ["-fstack-protector-strong", "-fvisibility=hidden", "-Wno-unused-function"]
# One rounding a step on every machine: without it a machine with fused multiply-add answers in other bits.
EXACT = ["-ffp-contract=off"]
# x86-64-v2 is what every CPU of the last fifteen years has; what needs more is chosen at run time (cpu.h).
BASELINE = ["-march=x86-64-v2"] if platform.machine() in ("x86_64", "AMD64") else []
BUILDS: dict[str, tuple[list[str], list[str]]] = {
    # Some Pythons pass -O2 and -g of their own, so the level is always said.
    "release": (["-O3", "-g0", *HARDENED], ["-Wl,-z,relro,-z,now"]),
    "debug": (["-O0", "-g", "-UNDEBUG"], []),
    # -fno-wrapv: Python's own flags define signed overflow, which would hide it from the sanitizer.
    "sanitize": (
        ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=undefined", "-fno-wrapv"],
        ["-fsanitize=address,undefined"],
    ),
}  # fmt: skip

build = os.environ.get("DQCORE_BUILD", "release")
if build not in BUILDS:
    raise SystemExit(f"DQCORE_BUILD is {build!r}; it is one of {', '.join(BUILDS)}")
abi3 = os.environ.get("DQCORE_ABI3") == "1"
compile_args, link_args = BUILDS[build]

extensions = [
    Extension(
        ".".join(path.with_suffix("").parts[1:]),
        [str(path)],
        include_dirs=[str(NATIVE)],
        depends=[str(header) for header in sorted(NATIVE.glob("*.h"))],
        extra_compile_args=[*compile_args, *BASELINE, *EXACT],
        extra_link_args=link_args,
        define_macros=[("Py_LIMITED_API", "0x030B0000")] if abi3 else [],
        py_limited_api=abi3,
    )
    for path in sorted(NATIVE.glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        nthreads=0 if os.environ.get("DQCORE_SERIAL") else 2,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
        },
    ),
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if abi3 else {},
)
