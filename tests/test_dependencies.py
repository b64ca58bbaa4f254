"""Which packages each command requires: docs/install.md says it, and fresh processes in which one package is missing show it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zoo
from zoo_cli.main import run

ROOT = Path(zoo.__file__).parent.parent
PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
COMMANDS = {
    command: set(re.findall(r"`(\w+)`", packages))
    for command, packages in re.findall(r"^\| `zoo (.+?)` \| (.*)\|$", PAGE, re.MULTILINE)
}
PACKAGES = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+? \| .+? \|$", PAGE, re.MULTILINE))

WITHOUT = """
import contextlib, io, json, os, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # an import fails as it does where the package is not installed
from zoo_cli.main import run
os.chdir(sys.argv[2])
found = {}
for command in json.load(sys.stdin):
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        found[command] = run(command.split()), err.getvalue()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name."""
    made = tmp_path_factory.mktemp("dependencies")
    made.joinpath("net.py").write_text(
        "from torch import nn\n\n\ndef Net() -> nn.Module:\n    return nn.Conv2d(3, 4, 3)\n", encoding="utf-8"
    )
    made.joinpath("net.prototxt").write_text(
        'input: "x" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 layer { name: "y" type: "ReLU" bottom: "x" top: "y" }',
        encoding="utf-8",
    )
    for suffix in ("onnx", "pt2"):
        assert run(["export", "lenet5_modern", "-o", str(made / f"net.{suffix}")]) == 0
    return made


def outcomes(missing: str, folder: Path) -> dict[str, tuple[int, str]]:
    """Exit code and standard error of every command, where the packages `missing` are not installed."""
    for old in folder.glob("new.*"):
        old.unlink()
    command = [sys.executable, "-c", WITHOUT, missing, str(folder)]
    done = subprocess.run(command, input=json.dumps(list(COMMANDS)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {command: (code, err) for command, (code, err) in json.loads(done.stdout).items()}


@pytest.mark.slow
@pytest.mark.parametrize("package", [*(name for name in PACKAGES if name not in {"typer", "dask"}), "none"])
def test_commands_require_what_the_page_says(package: str, folder: Path) -> None:
    """Kills a row that names a package too many or too few, and a traceback where a package is missing."""
    found = outcomes(package, folder)
    assert {command for command, (code, _) in found.items() if code} == {
        command for command, packages in COMMANDS.items() if package in packages
    }
    for code, err in found.values():
        assert not code or (code == 2 and err.startswith("zoo: ") and err.count("\n") == 1), err


def test_the_page_agrees_with_the_metadata() -> None:
    """Kills a package that pyproject.toml installs and the page does not mention, or mentions under another extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    default = {re.split(r"\W", line)[0] for line in project["dependencies"]}
    assert {name for name, source in PACKAGES.items() if source == "default"} == default
    for name, source in PACKAGES.items():
        if source.startswith("extra "):
            lines = project["optional-dependencies"][source.removeprefix("extra ").strip("`")]
            assert any(re.split(r"\W", line)[0] == name for line in lines), name
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in PAGE
    torch = next(line for line in project["dependencies"] if line.startswith("torch>"))
    assert f"torch {torch.removeprefix('torch>=')} or newer" in PAGE


def test_the_library_works_without_the_command_line() -> None:
    """Kills an import of typer, torchvision or fvcore on the way from `import zoo` to a table of numbers."""
    blocked = "import sys\nfor name in ('typer', 'torchvision', 'fvcore'):\n    sys.modules[name] = None\n"
    code = f"{blocked}import zoo\nprint(zoo.summary('lenet5').total['macs'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("325680\n", "")
