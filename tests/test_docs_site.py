"""The documentation as a site: built strictly, with every page in it, and nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_site import broken

import zoo

ROOT = Path(zoo.__file__).parent.parent


def test_every_page_is_in_the_contents() -> None:
    """Kills a page that readers of the site do not find."""
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"```{toctree}\n(?::[^\n]*\n)*\n(.*?)```", text, re.DOTALL)
    names = [name for part in listed for name in part.split()]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "docs").glob("*.md") if path.stem != "index")


def build(source: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", "catalogue=0", str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=170)


@pytest.mark.slow
def test_strictly(tmp_path: Path) -> None:
    """Kills a reference that leads nowhere, a page outside of the contents, and a page that loads something."""
    done = build(ROOT / "docs", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in tmp_path.glob("*.html")}
    assert [link for link in broken(tmp_path) if ".html" in link.split(": ")[1] and "catalogue/" not in link] == []
    for path in tmp_path.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(
            r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//|<link[^>]*rel="stylesheet"[^>]*href="(?:https?:)?//', text
        )
    api = (tmp_path / "api.html").read_text(encoding="utf-8")
    assert {name for name in zoo.__all__ if name != "__version__"} <= set(re.findall(r'id="zoo\.(\w+)"', api))
    assert (tmp_path / "concepts.html").read_text(encoding="utf-8").count("<figure><img") == 6


@pytest.mark.slow
def test_a_fault_is_found(tmp_path: Path) -> None:
    """Kills a build that passes whatever is in the pages."""
    (tmp_path / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "index.md").write_text("# Page\n\n[gone](gone.md)\n", encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "gone.md" in done.stderr
