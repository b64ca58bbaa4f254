"""The tests on other versions of Python and of torch. `nox -l` lists the sessions, `nox -s tests-3.12` runs one.

An interpreter that this machine does not have is skipped with a warning; where the variable CI is set, nox fails instead.
Arguments after `--` go to pytest: `nox -s tests-3.12 -- -n 0 tests/test_laws.py`.
"""

import re
from pathlib import Path

import nox

nox.options.sessions = ["tests"]

OLDEST = re.search(r'"torch>=([\d.]+)"', Path("pyproject.toml").read_text(encoding="utf-8"))

# Test files that import torch, typer and rich only. Other packages, torchvision among them, are not installed for them.
CORE = [
    f"tests/test_{name}.py" for name in "archs formats inputs kinds laws memory passes receptive shortcuts story sweeping".split()
]

# Tests in these files that need torchvision; and one whose strided weight of group_norm torch 2.13 copies before it is saved.
NOT_CORE = "not torchvision and not group_norm"


# torch 2.13 warns of itself, where it imports its compiler.
OF_TORCH = "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """All tests, with everything that the tests can use."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def shuffled(session: nox.Session) -> None:
    """All tests, and the files of tests, in random order; the output begins with the seed, which `-- --randomly-seed=N` repeats."""
    session.install("-e", ".[dev]", "pytest-randomly")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
@nox.parametrize("torch", ["oldest", "newest"])
def core(session: nox.Session, torch: str) -> None:
    """The tests of the core with the oldest or the newest torch, and with no package that is optional."""
    assert OLDEST is not None
    session.install(f"torch=={OLDEST[1]}.*" if torch == "oldest" else "torch")
    session.install("rich>=13", "typer>=0.15", "numpy", "pytest>=8", "pytest-xdist", "hypothesis")
    session.install("--no-deps", "-e", ".")
    session.run("python", "-c", "import torch; print('torch', torch.__version__)")
    session.run("pytest", "-W", OF_TORCH, "-k", NOT_CORE, *(session.posargs or CORE))
