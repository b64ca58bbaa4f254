"""The site as files: every link leads somewhere, pages are pages, and a folder with other files is left alone."""

import re
import threading
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import zoo
from zoo.catalogue.entries import children
from zoo.extend.study import studies
from zoo_cli.main import run


class Links(HTMLParser):
    """What a page links to, and the ids in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [found[name] or "" for name in ("href", "src") if name in found]
        if "id" in found:
            self.ids.add(found["id"] or "")


def broken(folder: Path) -> list[str]:
    """Links within a site that lead nowhere."""
    pages = {path.resolve(): Links(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme in {"https", "http"}:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target not in pages or (parts.fragment and parts.fragment not in pages[target].ids):
                found.append(f"{path.name}: {link}")
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.questions.site.studies", lambda: {"stacked-3x3": studies()["stacked-3x3"]})  # others take seconds
        zoo.site(folder, pattern="lenet*")
    return folder


def test_links(small: Path) -> None:
    """Kills a link that leads nowhere."""
    assert broken(small) == []
    names = {path.stem for path in small.glob("networks/*.html")}
    assert names == set(zoo.list_models("lenet*"))
    index = Links((small / "index.html").read_text(encoding="utf-8")).links
    assert {link for link in index if link.startswith("networks/")} == {f"networks/{name}.html" for name in names}


def test_broken_links_are_found(tmp_path: Path) -> None:
    """Kills a check that finds no broken link."""
    index = '<a href="rules.html#nothing">a</a><a href="rules.html#heavy-head">b</a>'
    (tmp_path / "index.html").write_text(index, encoding="utf-8")
    (tmp_path / "rules.html").write_text('<p id="heavy-head"></p><a href="gone.html">c</a>', encoding="utf-8")
    assert set(broken(tmp_path)) == {"index.html: rules.html#nothing", "rules.html: gone.html"}


def test_a_network_page(small: Path) -> None:
    """Kills a page without the source, the near networks, or their differences."""
    text = (small / "networks" / "lenet5.html").read_text(encoding="utf-8")
    assert zoo.pull("lenet5").splitlines()[-1].strip().replace("'", "&#39;") in text
    for other in children("lenet5"):
        if other.startswith("lenet"):
            assert f"zoo diff lenet5 {other}" in text
            found = zoo.diff("lenet5", other)
            assert str(found.context["about"]["parameters"]) in text.replace("&#43;", "+")
            assert f"{len(found.rows)} layers that differ from lenet5 to {other}" in text
            assert all(f'<tr class="{row.type}"><th scope="row">{row.name}</th>' in text for row in found.rows)


def test_the_whole_catalogue(tmp_path: Path) -> None:
    """Kills a network that the site cannot show, and a site that is too large to copy."""
    written = zoo.site(tmp_path / "site")
    assert {Path(address).stem for address in written if address.startswith("networks/")} == set(zoo.list_models())
    assert broken(tmp_path / "site") == []
    assert sum((tmp_path / "site" / address).stat().st_size for address in written) <= 15_000_000


def test_other_files_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that fills a folder of the user's."""
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    assert run(["site", "-o", str(tmp_path), "--only", "lenet5"]) == 2
    assert "has other files in it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert run(["site", "-o", str(tmp_path / "thesis.tex"), "--only", "lenet5"]) == 2
    assert "it is not a folder" in capsys.readouterr().err
    assert run(["site", "-o", str(tmp_path / "new"), "--only", "nothing*"]) == 2
    assert not (tmp_path / "new").exists()


def test_served(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a server that serves another folder, or to others than this machine."""
    from http.server import ThreadingHTTPServer

    from zoo_cli.commands import site as command

    found = []

    def fetched(server: ThreadingHTTPServer) -> None:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        host, port = server.server_address[:2]
        with urllib.request.urlopen(f"http://{host!s}:{port}/rules.html", timeout=10) as answer:
            found.append((host, answer.read().decode()))
        thread.join(10)

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", fetched)
    command._serve(small, 0)
    assert found == [("127.0.0.1", (small / "rules.html").read_text(encoding="utf-8"))]


def test_no_page_loads_anything(small: Path) -> None:
    """Kills an address that a page would ask for by itself."""
    for path in small.rglob("*.html"):
        text = re.sub(r"<(script|pre)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert "default-src &#39;none&#39;" in text
        assert not re.search(r"<(img|link|iframe|script src|object|embed)\b|@import|url\(", text)
