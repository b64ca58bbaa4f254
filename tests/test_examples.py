"""Each script of examples/ runs in a process of its own, as a reader would run it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import zoo

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def run(name: str, *arguments: str | Path) -> str:
    """What an example prints."""
    done = subprocess.run([sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_example_is_tested() -> None:
    """Kills an example that no test runs."""
    tested = set(re.findall(r'run\("(\w+\.py)"', Path(__file__).read_text(encoding="utf-8")))
    assert tested == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.slow
def test_budget() -> None:
    """Kills an example that exceeds its budget: 93,248 parameters in its convolutions, 1,290 in its last layer."""
    out = run("budget.py")
    assert out.endswith("within the budget\n")
    assert re.search(r"^total .* 94,538 ", out, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MAX_PARAMS = 100_000", "MAX_PARAMS = 94_537", "94,538 parameters, the budget is 94,537"),
        ("MAX_MACS = 10_000_000", "MAX_MACS = 1_000", "MACs, the budget is 1,000"),
        ("MIN_RECEPTIVE_FIELD = 15", "MIN_RECEPTIVE_FIELD = 16", "features.4 sees 15×15 pixels, 16 are needed"),
    ],
)
def test_budget_exceeded(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Kills an assertion of the example that cannot fail."""
    source = (EXAMPLES / "budget.py").read_text(encoding="utf-8")
    assert old in source
    tmp_path.joinpath("budget.py").write_text(source.replace(old, new), encoding="utf-8")
    done = subprocess.run([sys.executable, tmp_path / "budget.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"AssertionError: {message}" in done.stderr or f"{message}\n" in done.stderr


@pytest.mark.slow
def test_compare_heads(tmp_path: Path) -> None:
    """Kills an example that writes no table: 60,965,224 parameters are AlexNet's by its paper's layers."""
    out = run("compare_heads.py", tmp_path / "heads.tex")
    assert "60,965,224 parameters with the published head, 2,591,080 with global average pooling: 23.5×" in out
    text = (tmp_path / "heads.tex").read_text(encoding="utf-8")
    assert "published & alexnet & 60,965,224" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 1


@pytest.mark.slow
def test_train_digits(tmp_path: Path) -> None:
    """Kills a pulled file that does not train: chance is 10%."""
    accuracy = re.fullmatch(r"accuracy (\d+\.\d)%\n", run("train_digits.py", tmp_path))
    assert accuracy
    assert float(accuracy[1]) > 75
    assert "import zoo" not in (tmp_path / "lenet5_modern.py").read_text(encoding="utf-8")


@pytest.mark.slow
def test_project(tmp_path: Path) -> None:
    """Kills a step of the project that fails, or only seems to be done: chance is 20% of five digits."""
    out = run("project.py", tmp_path)
    learnt = re.findall(r"(\d+)% of the digits", out)
    assert len(learnt) == 2
    assert all(int(accuracy) > 60 for accuracy in learnt)
    assert "transfer: 10 tensors loaded, 2 frozen" in out
    assert "neck: stage1 (32, 28, 28), stage2 (32, 10, 10), stage3 (32, 5, 5)\n" in out
    assert "export: digits.onnx, 61,281 parameters\n" in out  # 61,706 less five classes of 85
    assert "budget: kept\n" in out
    assert re.search(r"^diff: .*\bC5\b.*\bF6\b", out, re.MULTILINE)
    assert "check: narrow.py: the code differs from lenet5_modern" in out
    assert out.endswith(f"upgrade: narrow.py: the code is that of lenet5_modern in zoo {zoo.__version__}\n")
