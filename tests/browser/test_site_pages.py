"""The site in a browser: it opens from the file system, can be searched, and has no faults that axe finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.extend.study import studies

pytestmark = pytest.mark.browser

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.questions.site.studies", lambda: {"fc-vs-gap": studies()["fc-vs-gap"]})  # others take seconds
        zoo.site(folder, pattern="*lenet*")
    return folder


def test_search(site: Path, opened: Opened) -> None:
    """Kills a search that misses usual spellings, and a filter or an order that is not that of the table."""
    page = opened(site / "index.html")
    names = "[...document.querySelectorAll('.catalogue tbody tr')].filter(row => !row.hidden).map(row => row.cells[0].textContent)"
    assert page.evaluate(names) == zoo.list_models("*lenet*")
    page.locator("#search").fill("LeNet-5")
    assert page.evaluate(names) == ["lenet5", "lenet5_modern"]
    page.locator("#search").fill("")
    page.locator("#family").select_option("lenet")
    of_family = [name for name in zoo.list_models("*lenet*") if zoo.card(name).family == "lenet"]
    assert page.evaluate(names) == of_family != zoo.list_models("*lenet*")
    page.locator("#family").select_option("")
    page.locator(".catalogue thead button", has_text="params").click()
    assert page.evaluate(names) == sorted(zoo.list_models("*lenet*"), key=lambda name: -zoo.card(name).params)


def test_from_page_to_page(site: Path, opened: Opened) -> None:
    """Kills a link that a browser does not follow, and a report that does not work as a page of the site."""
    page = opened(site / "index.html")
    page.locator(".catalogue a", has_text="googlenet_bn").click()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.locator("h1").inner_text() == "googlenet_bn"
    page.locator(".near a", has_text="googlenet").click()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.locator("nav a", has_text="Networks").click()
    page.wait_for_selector("html[data-ready]", state="attached")
    page.locator("a", has_text="fc-vs-gap").click()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.locator("h1").inner_text() == "fc-vs-gap"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(site: Path, dark: bool, opened: Opened, axe: str) -> None:
    """Kills too little contrast, controls without names, and pages wider than a phone."""
    for name in ("index", "rules", "studies/fc-vs-gap", *(("conventions", "networks/lenet5") if dark else ())):
        page = opened(site / f"{name}.html", dark=dark, width=320, trusted=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in found} == {}, name
