"""What contributors rely on: a debugger in the tests, and configuration that names what exists."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_debugger_opens(tmp_path: Path) -> None:
    """Kills options of pytest under which --pdb is refused, because the tests run in several processes."""
    test = tmp_path / "test_wrong.py"
    test.write_text("def test_wrong():\n    answer = 42\n    assert answer == 41\n", encoding="utf-8")
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "--pdb", *options, str(test)]
    done = subprocess.run(command, input="p answer * 10\nq\n", capture_output=True, text=True, check=False)
    assert "(Pdb) 420" in done.stdout, done.stdout + done.stderr


def test_ci_and_nox_run_what_is_supported() -> None:
    """Kills a version of Python that the classifiers promise and no job runs, and a session that does not exist."""
    workflow, sessions, project = read(".github/workflows/ci.yml"), read("noxfile.py"), tomllib.loads(read("pyproject.toml"))
    promised = re.findall(r":: (3\.\d+)\"", read("pyproject.toml"))
    assert promised[0] == project["project"]["requires-python"].removeprefix(">=")
    listed = ", ".join(f'"{version}"' for version in promised)
    assert f"python: [{listed}]" in workflow
    assert f"nox.session(python=[{listed}])" in sessions
    assert "run: .ci/run\n" in workflow
    assert 'nox -s "tests-${{ matrix.python }}"' in workflow
    assert "torch: [oldest, newest]" in workflow
    assert '"torch", ["oldest", "newest"]' in sessions


def test_no_hook_comes_from_elsewhere() -> None:
    """Kills a hook that is downloaded, and so is not of the version that CI runs."""
    hooks = read(".pre-commit-config.yaml")
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert {"language: system"} == set(re.findall(r"language: \w+", hooks))
    ran = read(".ci/run")
    assert all(tool in ran for tool in ("ruff check", "ruff format --check", "mypy"))
