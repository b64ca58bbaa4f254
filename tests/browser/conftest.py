"""One Chromium for all tests of pages. Where it or axe-core is missing the tests are skipped, unless ZOO_BROWSER=required."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any

import pytest

import zoo

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
TIMEOUT = 10_000  # milliseconds that a page may take at all
PLAIN = """() => {
  const times = [];
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    document.body.innerHTML = "<table>" + ("<tr>" + "<td>1,234</td>".repeat(12) + "</tr>").repeat(1000) + "</table>";
    document.body.offsetHeight; // lays the page out
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}"""
USUAL = 100.0  # milliseconds that it takes on a machine of usual speed


def _lacking(what: str) -> Any:
    if os.environ.get("ZOO_BROWSER") == "required":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    chromium = which("chromium") or which("chromium-browser") or which("google-chrome")
    if chromium is None:
        _lacking("no Chromium on the search path; apt-get install chromium fonts-dejavu-core")
    if not AXE.is_file():
        _lacking("no axe-core; npm install --no-package-lock --prefix tests/browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _lacking("no playwright; pip install 'zoo[browser]'")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="session")
def report_of(folder: Path) -> Callable[..., Path]:
    """The file of a report, made once."""
    made: dict[tuple[str, ...], Path] = {}

    def file(*targets: str) -> Path:
        if targets not in made:
            made[targets] = folder / f"{len(made)}.html"
            made[targets].write_text(zoo.report(*targets).html, encoding="utf-8")
        return made[targets]

    return file


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a file in a page of its own, offline. Whatever the page complains about, or asks of a network, fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def page(path: Path, *, at: str = "", width: int = 1440, height: int = 900, dark: bool = False, trusted: bool = False) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True, bypass_csp=trusted
        )
        contexts.append(context)
        found = context.new_page()
        found.set_default_timeout(TIMEOUT)
        found.on("console", lambda message: complaints.append(message.text))
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        found.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
        found.goto(f"{path.as_uri()}{at}")
        found.wait_for_selector("html[data-ready]", state="attached")
        return found

    yield page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def slowness(browser: Any) -> Callable[[], float]:
    """How much longer than usual the browser takes here for a plain table of 1,000 rows; 1 on faster machines."""

    def measured() -> float:
        with browser.new_page() as page:
            return max(1.0, float(page.evaluate(PLAIN)) / USUAL)

    return measured


@pytest.fixture(scope="session")
def axe() -> str:
    return AXE.read_text(encoding="utf-8")
