"""Former names: each works, warns, and goes in the release that its warning names. docs/releasing.md has the policy."""

import re
from pathlib import Path
from types import ModuleType

import pytest

import zoo
from zoo.analysis.choose import columns
from zoo.extend import Column, Sum
from zoo.util import plugins
from zoo.util.plugins import DEPRECATED
from zoo.util.version import __version__

ROOT = Path(zoo.__file__).parent.parent
SOURCE = "from zoo.extend import Column, Sum\n{0} = Sum(Column('{1}', 'ops', 'one for each op'), lambda op: 1)\n"


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("name", DEPRECATED)
def test_the_promised_release_has_not_come(name: str) -> None:
    """Kills a former name that outlives the release in which it was to go."""
    assert number(__version__) < number(DEPRECATED[name][1]), f"remove {name}, as its warning says"


def test_a_former_constant_works_and_warns() -> None:
    """Kills a former name that is gone before its time, or works in silence."""
    module = ModuleType("old_plugin")
    module.PASS = Sum(Column("old_column", "ops", "one for each op"), lambda op: 1)  # type: ignore[attr-defined]
    message = "old_plugin: PASS is deprecated and will be removed in zoo 0.4.0; use COLUMN"
    with pytest.warns(DeprecationWarning, match=message), zoo.register(module):
        assert "old_column" in columns()


@pytest.mark.parametrize(
    ("group", "constant", "warnings"), [("passes", "PASS", 2), ("passes", "COLUMN", 1), ("columns", "COLUMN", 0)]
)
def test_a_former_group_works_and_warns(
    group: str, constant: str, warnings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    """Kills a plugin that is lost when its group is renamed, and a warning about a present name."""
    package = f"oldgroup_{constant}_{warnings}".lower()
    info = tmp_path / f"{package}-1.0.dist-info"
    info.mkdir()
    info.joinpath("entry_points.txt").write_text(f"[zoo.{group}]\nx = {package}_mod\n", encoding="utf-8")
    tmp_path.joinpath(f"{package}_mod.py").write_text(SOURCE.format(constant, package), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.refresh()
    try:
        assert package in columns()
    finally:
        monkeypatch.undo()
        plugins.refresh()
    texts = [str(one.message) for one in recwarn if issubclass(one.category, DeprecationWarning)]
    assert len(texts) == warnings
    assert not texts or texts[0] == f"plugin {package}: zoo.passes is deprecated and will be removed in zoo 0.4.0; use zoo.columns"


def test_the_versions_agree() -> None:
    """Kills a release of which the citation or the changelog speaks of another."""
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    dated = re.search(r'^date-released: "(\S+)"$', (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    released = re.search(r"^## \[(\d\S*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation
    assert dated
    assert released
    assert (__version__, citation[1], dated[1]) == (released[1], released[1], released[2])
