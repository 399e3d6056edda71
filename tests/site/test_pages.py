"""The built site in a browser: it asks nobody, hides nothing, and its buttons lead somewhere."""

import gzip
import json
import re
from pathlib import Path

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe

from sevenconditions.claims import collect
from sevenconditions.recipe import CONDITIONS
from sevenconditions.switchboard import switchboard
from sevenconditions.truthtable import truth_table
from tools.calibration import asked, asked_in
from tools.chapterext import called, documented, notebooks
from tools.steps import ROOT

pytestmark = pytest.mark.book

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
CHAPTERS = [TOC["root"], *(page["file"] for part in TOC["parts"] for page in part["chapters"])]
PAGES = [f"{name}.html" for name in (*CHAPTERS, "search", "genindex", "prf-prf")]
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
NOTEBOOK = "chapters/01_settling"


def is_notebook(name):
    """Whether a page of the book is a notebook."""
    return (ROOT / f"{name}.ipynb").is_file()


# What sticks out of the window, or is clipped, in the article: not what a reader can scroll to,
# and not what is there for screen readers only.
CUT_OFF = """() => {
  const scrolls = e => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const reachable = e => { for (let p = e; p; p = p.parentElement) if (scrolls(p)) return true; };
  const seen = e => {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    return box.width > 2 && box.height > 2 && style.visibility !== "hidden" && style.opacity > 0
      && !e.closest("mjx-assistive-mml, .visually-hidden, .sr-only, [hidden], svg, mjx-container");
  };
  const found = [];
  for (const e of document.querySelectorAll("main *")) {
    if (!seen(e) || reachable(e)) continue;
    const box = e.getBoundingClientRect();
    const clips = ["hidden", "clip"].includes(getComputedStyle(e).overflowX);
    if (box.right > innerWidth + 1 || box.left < -1 || (clips && e.scrollWidth > e.clientWidth + 1))
      found.push(`${e.tagName}.${e.className} ${Math.round(box.left)}..${Math.round(box.right)}: `
        + e.textContent.trim().slice(0, 60));
  }
  return found;
}"""


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_the_page_asks_nobody_fails_nowhere_and_fits(visit, path, theme, width):
    visited = visit(path, theme=theme, width=width)
    assert visited.problems == []
    assert [r.url for r in visited.responses if r.status >= 400] == []
    assert visited.page.evaluate("document.documentElement.lang") == "en"
    assert visited.page.evaluate("document.documentElement.dataset.theme") == theme
    assert visited.page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert visited.page.evaluate(CUT_OFF) == []
    if width > 1000:
        assert weight(visited.responses) < 1_500_000
        assert barriers(visited.page, theme) == []


def weight(responses):
    """Bytes that a page loads from a server that compresses."""
    return sum(len(gzip.compress(r.body())) for r in responses if r.status == 200)


def barriers(page, theme):
    """What axe-core finds serious, or worse; in the dark, of what colours can make so.

    Formulas and pictures are hundreds of elements without words of their own: what names them is
    tested where they are made.
    """
    options = {"resultTypes": ["violations"], "elementRef": False}
    if theme == "dark":
        options["runOnly"] = ["color-contrast", "link-in-text-block"]
    found = Axe().run(page, {"exclude": [["mjx-container"], [".sc-panels"]]}, options)
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found.response["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def test_every_claim_is_listed_and_leads_to_its_place(visit, site):
    made = collect([ROOT / f"{name}.ipynb" for name in CHAPTERS if is_notebook(name)])
    rows = visit("chapters/claims.html").page.locator("table.sc-claims tbody tr")
    assert rows.count() == len(made) > 40
    listed = [
        (row.locator("a").get_attribute("href"), *row.locator("td").all_inner_texts()[1:])
        for row in rows.all()
    ]
    for (href, value, required), claim in zip(listed, made, strict=True):
        assert (value, required) == (claim.value, claim.required)
        page, place = href.split("#")
        assert f'id="{place}"' in (site / "chapters" / page).read_text()


@pytest.mark.parametrize("name", [name for name in CHAPTERS if is_notebook(name)])
def test_every_dial_waits_for_a_prediction_that_stands_above_it_or_in_it(visit, name):
    page = visit(f"{name}.html").page
    dials = page.locator("[data-sc-dial]")
    assert dials.count() > 0
    for dial in dials.all():
        assert dial.get_attribute("data-sc-locked") is not None
        own = dial.locator("[data-sc-marker]").evaluate_all(
            "nodes => nodes.map(node => JSON.parse(node.dataset.scMarker).key)"
        )
        above = dial.evaluate(
            """dial => [...document.querySelectorAll("[data-sc-question]")]
                .filter(one => one.compareDocumentPosition(dial) & Node.DOCUMENT_POSITION_FOLLOWING)
                .map(one => one.dataset.scQuestion)"""
        )
        keys = dial.get_attribute("data-sc-after").split()
        assert keys and set(keys) <= {*own, *above} and set(own) <= set(keys)


@pytest.mark.parametrize("path", sorted(ROOT.glob("chapters/0[1-7]_*.ipynb")), ids=lambda p: p.stem)
def test_each_condition_has_a_dial_that_asks_for_a_number(site, path):
    page = (site / "chapters" / f"{path.stem}.html").read_text()
    assert page.count(" data-sc-marker=") >= 1


def test_every_prediction_of_the_book_is_listed(visit):
    page = visit("chapters/calibration.html").page
    listed = [
        (row.get_attribute("data-sc-key"), row.locator("a").get_attribute("href"))
        for row in page.locator(".sc-predictions [data-sc-key]").all()
    ]
    assert listed == [(each.key, each.address) for each in asked(notebooks())]


@pytest.mark.parametrize("name", [name for name in CHAPTERS if is_notebook(name)])
def test_the_list_holds_all_that_the_page_asks_and_leads_to_its_section(visit, name):
    # A prediction is handed in by three buttons, a question of a quiz by one.
    found = visit(f"{name}.html").page.evaluate(
        """() => [...document.querySelectorAll("[data-sc-question], [data-sc-marker]")]
            .filter(asked => asked.querySelectorAll(".sc-sure button").length === 3)
            .map(asked => {
                const around = [];
                for (let p = asked; p; p = p.parentElement) if (p.id) around.push(p.id);
                const {scQuestion, scMarker} = asked.dataset;
                return [scQuestion ?? JSON.parse(scMarker).key, around];
            })"""
    )
    listed = asked_in(ROOT / f"{name}.ipynb")
    assert [key for key, _ in found] == [each.key for each in listed] and listed
    for (_, around), each in zip(found, listed, strict=True):
        assert each.address.split("#")[1] in around


@pytest.mark.parametrize("name", [name for name in CHAPTERS if is_notebook(name)])
def test_every_function_that_a_chapter_calls_is_linked_to_its_page(site, name):
    source = json.loads((ROOT / f"{name}.ipynb").read_text())
    code = "\n".join("".join(c["source"]) for c in source["cells"] if c["cell_type"] == "code")
    page = (site / f"{name}.html").read_text()
    for function in called(code):
        assert re.search(rf'"api(_rules|_book)?\.html#{re.escape(documented(function))}"', page)


@pytest.mark.parametrize("name", [name for name in CHAPTERS if is_notebook(name)])
def test_the_check_of_a_proof_leads_to_its_theorem(site, name):
    page = (site / f"{name}.html").read_text()
    for check in page.split('<div class="sc sc-derivation">')[1:]:
        labels = re.findall(r'scope="rowgroup"><a href="#([^"]+)"', check.split("</table>")[0])
        assert labels and all(f'id="{label}"' in page for label in labels)


def test_the_bare_address_leads_to_the_cover(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_url("**/chapters/index.html")
    assert "Seven Conditions" in page.title()
    page.close()


def test_search_finds_the_spectral_radius_in_the_chapter_on_settling(visit):
    page = visit("search.html?q=spectral+radius").page
    results = page.locator("#search-results li a")
    results.first.wait_for()
    assert any("01_settling.html" in link.get_attribute("href") for link in results.all())


def test_the_notebook_can_be_downloaded_as_it_is_stored(visit, site):
    page = visit(f"{NOTEBOOK}.html").page
    link = page.locator(f'a[href$="_sources/{NOTEBOOK}.ipynb"]').first
    assert link.evaluate("e => e.tagName + (e.onclick ? ' with a script' : '')") == "A"
    given = site / "_sources" / f"{NOTEBOOK}.ipynb"
    assert json.loads(given.read_text()) == json.loads((ROOT / f"{NOTEBOOK}.ipynb").read_text())


def test_binder_is_a_plain_link_to_this_notebook(visit):
    page = visit(f"{NOTEBOOK}.html").page
    link = page.locator('a[href^="https://mybinder.org/"]').first
    owner, name = REPOSITORY["url"].split("/")[-2:]
    assert link.get_attribute("href") == (
        f"https://mybinder.org/v2/gh/{owner}/{name}/{REPOSITORY['branch']}"
        f"?urlpath=lab/tree/{NOTEBOOK}.ipynb"
    )
    assert (ROOT / f"{NOTEBOOK}.ipynb").is_file()


@pytest.mark.parametrize("path", [f"{name}.html" for name in CHAPTERS])
def test_a_shared_link_shows_the_card_and_the_tab_its_mark(visit, site, path):
    page = visit(path).page
    meta = {
        e.get_attribute("property"): e.get_attribute("content")
        for e in page.locator("meta[property^='og:']").all()
    }
    owner, name = REPOSITORY["url"].split("/")[-2:]
    home = f"https://{owner}.github.io/{name}/"
    assert meta["og:image"] == home + "_static/social-card.png"
    assert meta["og:url"] == home + path
    assert meta["og:title"] and meta["og:description"]
    assert (site / "_static" / "social-card.png").is_file()
    icon = page.locator("link[rel~='icon']").first.evaluate("e => e.href")
    assert page.request.get(icon).status == 200


BOARDS = ["index", *(Path(name).name for name in CHAPTERS if Path(name).name[3:] in CONDITIONS)]


@pytest.mark.parametrize("name", BOARDS)
def test_the_switchboard_shows_what_the_library_computes(site, name):
    board = switchboard(None if name == "index" else name[3:])
    page = (site / "chapters" / f"{name}.html").read_text()
    data = re.findall(r'<script type="application/json" class="sc-rows">(.*?)</script>', page)
    assert len(data) == 1 and json.loads(data[0]) == board.data()
    assert len(json.loads(data[0])) == 128
    whole = page[page.index('<section class="sc sc-board') : page.index(data[0]) + len(data[0])]
    assert len(gzip.compress(whole.encode())) < 30_000


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", BOARDS)
def test_every_switch_of_the_board_works(visit, name, width):
    visited = visit(f"chapters/{name}.html", width=width)
    board = visited.page.locator(".sc-board")
    lit = board.locator(".sc-lit")
    assert lit.count() == (name != "index")
    if lit.count():
        assert lit.get_attribute("data-sc-name") == name[3:]
    words = switchboard(None).words
    for k, each in enumerate(board.get_by_role("switch").all()):
        each.click()
        assert board.locator(".sc-description").inner_text() == words(truth_table()[1 << k])
        assert visited.page.url.endswith(f"?without={CONDITIONS[k]}")
        each.click()
    assert visited.problems == []


def shown(dial):
    """What a reader sees of a dial: picture, value and description."""
    return {
        part: dial.locator(selector).first.inner_html()
        for part, selector in {
            "picture": ".sc-picture",
            "value": ".sc-controls .sc-value",
            "description": ".sc-description",
        }.items()
    }


def changed(before, after):
    return {part for part in before if before[part] != after[part]}


@pytest.mark.parametrize("width", [1280, 360])
def test_a_dial_moves_by_keyboard_and_by_mouse(visit, width):
    visited = visit(f"{NOTEBOOK}.html", width=width)
    dial = visited.page.locator(".sc-dial").first
    dial.locator(".sc-skip").click()
    slider = dial.locator(".sc-controls input[type=range]").first
    assert dial.locator(".sc-description").first.get_attribute("aria-live") == "polite"
    slider.focus()
    slider.press("Home")
    start = shown(dial)
    slider.press("ArrowRight")
    one_on = shown(dial)
    assert changed(start, one_on) == {"picture", "value", "description"}
    box = slider.bounding_box()
    visited.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert changed(one_on, shown(dial)) == {"picture", "value", "description"}
    assert visited.problems == []
