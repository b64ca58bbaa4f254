"""The gallery: each picture of the page is what its command draws.

ZOO_RENEW_GOLDENS=1 writes the present pictures into the documents.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

import zoo
from zoo_cli.main import run

DOCS = Path(zoo.__file__).parent.parent / "docs"
SHOWN = re.findall(r"```sh\n(zoo draw [^\n]*)\n```\n\n!\[[^\]]+\]\(([^)]+)\)", (DOCS / "pictures.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("command", "picture"), SHOWN, ids=[picture for _, picture in SHOWN])
def test_picture(command: str, picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a gallery of yesterday's pictures."""
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(command)[1:]) == 0
    (drawn,) = tmp_path.iterdir()
    assert drawn.name == Path(picture).name
    if os.environ.get("ZOO_RENEW_GOLDENS"):
        (DOCS / picture).parent.mkdir(exist_ok=True)
        (DOCS / picture).write_bytes(drawn.read_bytes())
    assert (DOCS / picture).read_bytes() == drawn.read_bytes()


def test_every_picture_is_shown() -> None:
    """Kills a drawing that no page shows, and a command whose picture the test does not find."""
    page = (DOCS / "pictures.md").read_text(encoding="utf-8")
    assert len(SHOWN) == page.count("zoo draw ") - page.count("`zoo draw ") - page.count("$ zoo draw ")
    assert len(SHOWN) >= 6
