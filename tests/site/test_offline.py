"""The book without a server: the zip opened from the disk, and the PDF read back."""

import contextlib
import html
import re
import sys
import zipfile
from urllib.parse import unquote, urlsplit

import pikepdf
import pypdfium2
import pytest
import yaml

from tools import offline, paper
from tools.steps import ROOT

pytestmark = pytest.mark.book

NAME = "seven-conditions"
SETTLING = "chapters/01_settling.html"
PRINTED = ["chapters/index", "chapters/05_contrast", "chapters/glossary"]

# Move every dial to each of its ends, press every switch; what did not show anything else?
DEAD = """() => {
  const players = [...document.querySelectorAll(".sc-dial, .sc-board")];
  return players.filter(player => {
    const now = player.querySelector(".sc-now"), seen = new Set([now.innerHTML]);
    const moved = input => input.dispatchEvent(new Event("input", { bubbles: true }));
    for (const input of player.querySelectorAll(".sc-controls input")) {
      if (input.type === "range") for (const end of [input.min, input.max]) {
        input.value = end; moved(input); seen.add(now.innerHTML);
      } else { input.checked = true; moved(input); seen.add(now.innerHTML); }
    }
    for (const button of player.querySelectorAll("[role=switch]")) {
      button.click(); seen.add(now.innerHTML);
    }
    return seen.size < 2 || !("scReady" in player.dataset);
  }).map(player => player.getAttribute("aria-label"));
}"""


@pytest.fixture(scope="module")
def packed(site, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / f"{NAME}.zip"
    offline.pack(site, NAME, path)
    return path


@pytest.fixture(scope="module")
def folder(packed, tmp_path_factory):
    """The zip as a reader unpacks it."""
    into = tmp_path_factory.mktemp("a reader's folder")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(into)
    assert [path.name for path in into.iterdir()] == [NAME]
    return into / NAME


@pytest.fixture
def reader(browser, folder):
    """A page of the browser in its default security, and a list of all that goes wrong on it."""
    page, wrong = browser.new_page(), []
    inside = folder.as_uri()
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
    page.on(  # the mark in the tab may still be loading when the next page is opened
        "requestfailed",
        lambda asked: (
            asked.failure == "net::ERR_ABORTED" or wrong.append(f"{page.url}: no {asked.url}")
        ),
    )
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith((inside, "data:")) or wrong.append(f"outside: {asked.url}")
        ),
    )
    page.on(
        "console",
        lambda said: said.type in ("error", "warning") and wrong.append(f"{page.url}: {said.text}"),
    )
    yield page, wrong
    page.close()


def pages(folder):
    """Every page of the site, without the theme's own templates and the redirection at the top."""
    found = (path for path in folder.rglob("*.html") if "_static" not in path.parts)
    return sorted(path for path in found if path != folder / "index.html")


def test_the_zip_is_small_and_opens_on_the_cover(packed, folder, reader):
    page, wrong = reader
    assert packed.stat().st_size < 20e6
    page.goto((folder / "index.html").as_uri())
    page.wait_for_url("**/chapters/index.html")
    assert "Seven Conditions" in page.title()
    assert wrong == []


def test_every_page_opens_from_the_disk_and_its_dials_are_alive(folder, reader):
    page, wrong = reader
    dials = 0
    for path in pages(folder):
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        if path.parent.name == "chapters":
            page.evaluate("() => window.MathJax?.startup?.promise.then(() => true)")
            assert page.evaluate(DEAD) == [], path.name
            dials += page.locator(".sc-dial").count()
    assert wrong == []
    assert dials > 20


def test_a_dial_moves_by_keyboard_and_formulas_have_their_fonts(folder, reader):
    page, wrong = reader
    page.goto((folder / SETTLING).as_uri())
    dial = page.locator(".sc-dial").first
    dial.locator(".sc-skip").click()
    slider = dial.locator("input[type=range]").first
    slider.press("Home")
    before = dial.locator(".sc-picture").inner_html()
    slider.press("ArrowRight")
    assert dial.locator(".sc-picture").inner_html() != before
    page.evaluate("() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => 1)")
    assert page.evaluate("document.fonts.check('16px MJXTEX-I', '\U0001d462')")
    assert page.locator("mjx-container").count() > 10
    assert wrong == []


def test_search_finds_the_spectral_radius_and_shows_where(folder, reader):
    page, wrong = reader
    page.goto((folder / SETTLING).as_uri())
    page.locator(".search-button__button:visible").first.click()
    page.locator("#pst-search-dialog input").fill("spectral radius")
    page.keyboard.press("Enter")
    page.get_by_text("Search finished").wait_for()
    found = page.locator("#search-results li").filter(has=page.locator('a[href*="01_settling"]'))
    assert found.count() > 0
    assert "radius" in found.locator("p.context").first.inner_text()
    found.locator("a").first.click()
    page.wait_for_url("**/01_settling.html*")
    assert wrong == []


def test_every_link_in_the_zip_leads_to_a_file_and_a_place_in_it(folder):
    texts = {path: path.read_text("utf-8") for path in [*pages(folder), folder / "index.html"]}
    places = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    broken, followed = [], 0
    for path, text in texts.items():
        text = re.sub(r"<script.*?>.*?</script>", "", text, flags=re.S)
        for found in set(re.findall(r'<\w[^<>]*?\s(?:href|src|action)="([^"]*)"', text)):
            link = urlsplit(html.unescape(found))
            if link.scheme or link.netloc:
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            place = unquote(link.fragment)
            followed += 1
            if not target.is_file() or place and place not in places.get(target, {place}):
                broken.append(f"{path.name}: {found}")
    assert broken == []
    assert followed > 5000


def tiny_site(folder):
    """The least that can be searched."""
    (folder / "_static").mkdir(parents=True)
    for name, text in {
        "searchindex.js": 'Search.setIndex({"docnames":["one"]})',
        "_static/searchtools.js": "fetch(requestUrl).then(show)",
        "search.html": '<script src="_static/searchtools.js"></script>',
        "one.html": '<article class="bd-article"><h1 id="a" class="b">One</h1></article>',
    }.items():
        (folder / name).write_text(text)
    return folder


def test_the_same_site_gives_the_same_bytes(tmp_path):
    for day in ("monday", "tuesday"):
        offline.pack(tiny_site(tmp_path / day), "tiny", tmp_path / f"{day}.zip")
    monday, tuesday = ((tmp_path / f"{day}.zip").read_bytes() for day in ("monday", "tuesday"))
    assert monday == tuesday
    with zipfile.ZipFile(tmp_path / "monday.zip") as archive:
        assert b"fetch" not in archive.read("tiny/_static/searchtools.js")
        assert b'<h1 id=\\"a\\">One</h1>' in archive.read(f"tiny/{offline.TEXTS}")


def test_another_way_of_searching_is_refused(tmp_path):
    site = tiny_site(tmp_path / "site")
    (site / "_static/searchtools.js").write_text("import(requestUrl)")
    with pytest.raises(ValueError, match="0 times"):
        offline.pack(site, "tiny", tmp_path / "tiny.zip")


def test_without_chromium_the_zip_is_made_and_the_way_to_the_pdf_is_named(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "_config.yml").write_text("title: Tiny Book\n")
    tiny_site(tmp_path / "_build" / "html")
    monkeypatch.setattr(sys, "argv", ["offline", "--root", str(tmp_path)])
    monkeypatch.setattr(offline, "run_repeatably", lambda *_: None)
    monkeypatch.setattr(offline, "build", lambda *_: True)
    monkeypatch.setattr(paper, "chromium", lambda: contextlib.nullcontext(None))
    with pytest.raises(SystemExit, match="playwright install chromium"):
        offline.main()
    left = {path.name for path in (tmp_path / "_build").iterdir()}
    assert left == {"html", ".lock", "tiny-book.zip"}
    assert "done in" in capsys.readouterr().out


def test_links_on_paper_lead_into_the_document_or_to_the_site():
    def leads(href):
        return paper.link(href, "chapters/one", ["chapters/one", "chapters/two"], "https://site/")

    assert leads("#a") == "#one--a"
    assert leads("#") == "#one"
    assert leads("two.html") == "#two"
    assert leads("two.html#a") == "#two--a"
    assert leads("https://doi.org/1") == "https://doi.org/1"
    assert leads("../_modules/m.html#f") == "https://site/_modules/m.html#f"


@pytest.fixture(scope="module")
def on_paper(site, browser, tmp_path_factory):
    """The cover, a chapter and a page of reference as the PDF, and what it was printed from."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    parts = [
        (caption, [f for f in files if f in PRINTED]) for caption, files in paper.parts_of(toc)
    ]
    document = paper.compose(site, [part for part in parts if part[1]], "Some Author")
    path = tmp_path_factory.mktemp("paper") / "book.pdf"
    paper.print_book(document, site, browser, path, "Some Author")
    return path, document


def test_the_pdf_passes_its_check_and_a_position_that_is_not_printed_fails_it(on_paper):
    path, document = on_paper
    assert re.fullmatch(r"\d+ pages, 2 chapters, \d+ links, \d+ dials", paper.check(path, document))
    renamed = re.sub(r'(sc-name">A\. )', r"\1not ", document, count=1)
    with pytest.raises(ValueError, match="A. not .* is missing in Condition 5"):
        paper.check(path, renamed)


def test_the_pdf_names_every_position_of_every_dial_and_every_answer(on_paper, site):
    with pypdfium2.PdfDocument(on_paper[0]) as pdf:
        text = paper.squeeze("".join(page.get_textpage().get_text_bounded() for page in pdf))
    page = (site / f"{PRINTED[1]}.html").read_text()
    names = re.findall(r'<div class="sc-multiple"><div class="sc-name">(.*?)</div>', page)
    assert len(names) > 5
    assert [n for n in names if paper.squeeze(html.unescape(n)) not in text] == []
    reasons = re.findall(r'<span class="sc-reason"><i>(?:No|Right)\.</i> ([^<]*)</span>', page)
    assert len(reasons) > 5
    assert [r for r in reasons if paper.squeeze(html.unescape(r)) not in text] == []


def test_the_pdf_has_outline_title_author_language_and_tags(on_paper):
    with pikepdf.open(on_paper[0]) as pdf:
        marks = list(pdf.open_outline().root)
        chapter = next(mark for mark in marks if mark.title == "Condition 5: contrast")
        assert {"See it break", "Take away"} <= {mark.title for mark in chapter.children}
        assert str(pdf.docinfo["/Title"]) == "Seven Conditions"
        assert str(pdf.docinfo["/Author"]) == "Some Author"
        assert "/StructTreeRoot" in pdf.Root and str(pdf.Root.Lang) == "en"
        leads = list(paper.links_of(pdf))
    assert any(place.startswith("glossary--") for place in leads)
    assert any(place.startswith("05_contrast--") for place in leads)
