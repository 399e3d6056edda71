"""The book on paper: all pages in one document, which Chromium prints as one PDF.

Without its script a dial shows its small multiples and a question its answers; so the document is
the built pages without their scripts, unfolded, one after the other. It is one document, not one a
chapter: links between chapters, the outline and the tags for screen readers are then Chromium's
own. Formulas are typeset in it once, and nothing is merged.
"""

import io
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from posixpath import normpath

import pikepdf
import pypdfium2
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

STYLE = Path(__file__).with_name("paper.css")
NAMES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "headers")

# Formulas are set as they come into view, and their fonts loaded after that: here all are, at once.
READY = """() => window.MathJax?.startup?.promise
  .then(() => MathJax.startup.document.lazyTypesetAll?.())
  .then(() => Promise.all([...document.fonts].map(font => font.load().catch(() => null))))
  .then(() => [...document.fonts].some(f => /MJX/.test(f.family) && f.status === "loaded"))"""
FILL_IN = """numbers => {
  document.querySelectorAll("[data-page]")
    .forEach(place => { place.textContent = numbers[place.dataset.page]; });
  document.querySelectorAll("article[id]").forEach(chapter => chapter.replaceChildren());
}"""
PRINTED = (
    ".sc-multiples .sc-name, ul.sc-multiples li"  # what each position of a dial is called on paper
)
CONTENTS = 1  # the page after the title page, counted from 0

PAGE = """<!doctype html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{title}</title>{head}<style>{style}</style></head>
<body>{body}</body>
</html>
"""


def parts_of(toc):
    """The table of contents as pairs: a part's caption and its pages; the cover has no caption."""
    parts = [
        (part["caption"], [page["file"] for page in part["chapters"]]) for part in toc["parts"]
    ]
    return [("", [toc["root"]]), *parts]


def compose(site, parts, author, licences=""):
    """All pages of `parts`, built in directory `site`, as one HTML document for paper."""
    files = [file for _, pages in parts for file in pages]
    soups = {file: BeautifulSoup(read(site, file), "html.parser") for file in files}
    first = soups[files[0]]
    base = first.select_one("link[rel=canonical]")["href"].removesuffix(f"{files[0]}.html")
    head = [*first.select("link[rel=stylesheet]")]
    head += [script for script in first("script") if re.search("MathJax =|mathjax/", str(script))]
    known, articles, titles = set(), {}, {}
    for file in files:
        article = soups[file].select_one("article.bd-article")
        unfold(article, known)
        titles[file] = article.h1.get_text()
        in_one_document(article, file, files, base)
        articles[file] = article
    front = title_page(articles[files[0]], author, licences)
    body = front + contents(parts, titles) + "".join(map(str, articles.values()))
    return PAGE.format(
        title=titles[files[0]],
        head="".join(map(str, head)),
        style=STYLE.read_text("utf-8"),
        body=body,
    )


def read(site, file):
    return (site / f"{file}.html").read_text("utf-8")


def unfold(article, known):
    """Leave out what paper cannot use, and open what is folded.

    `known` is what need not be said again: styles, and the switchboard, which every chapter shows.
    """
    for link in article.select("script, .headerlink, .toctree-wrapper, button"):
        link.decompose()
    for paper in article.select("noscript"):
        paper.unwrap()
    said = [(board, board.ul.get_text()) for board in article.select(".sc-board")]
    said += [(style, style.string) for style in article("style")]
    for tag, text in said:
        if text in known:
            tag.decompose()
        known.add(text)
    for cell in article.select("div.cell"):
        # Their folded code would say the answers before the question is asked.
        if cell.select_one(".sc-question, .sc-check") and (code := cell.select_one("details.hide")):
            code.decompose()
    for folded in article("details"):
        folded["open"] = ""


def in_one_document(article, file, files, base):
    """Make the names in an article unique in the document, and its links lead there or outside."""
    own = page_name(file)
    article["id"] = own
    for tag in article.find_all(True):
        if tag is not article and tag.get("id"):
            tag["id"] = f"{own}--{tag['id']}"
        for attribute in NAMES:
            if tag.get(attribute):
                tag[attribute] = " ".join(f"{own}--{name}" for name in words(tag[attribute]))
        if tag.name == "a" and "href" in tag.attrs:
            tag["href"] = link(tag["href"], file, files, base)


def words(value):
    return value if isinstance(value, list) else value.split()


def page_name(file):
    return file.rpartition("/")[2]


def link(href, file, files, base):
    """Where a link of page `file` leads on paper: into the document, or to the site at `base`."""
    if re.match(r"[a-z]+:", href):
        return href
    path, _, place = href.partition("#")
    target = normpath(f"{file}/../{path}").removesuffix(".html") if path else file
    if target in files:
        return f"#{page_name(target)}" + (f"--{place}" if place else "")
    return base + normpath(f"{file}/../{path}") + (f"#{place}" if place else "")


def title_page(cover, author, licences):
    """The head of the cover's article becomes the title page."""
    parts = [cover.h1, cover.h1.find_next_sibling("p"), cover.select_one("svg.sc-cover")]
    head = "".join(str(part.extract()) for part in parts if part)
    return f'<article class="bd-article sc-front">{head}<p>{author}</p>{licences}</article>'


def contents(parts, titles):
    """The table of contents, with room for the page numbers."""
    lists = "".join(
        (f"<b>{caption}</b>" if caption else "")
        + "<ol>"
        + "".join(
            f'<li><a href="#{page_name(file)}">{titles[file]}</a><i></i>'
            f'<span data-page="{page_name(file)}">000</span></li>'
            for file in files
        )
        + "</ol>"
        for caption, files in parts[1:]
    )
    lists = f"<section><h2>Contents</h2>{lists}</section>"
    return f'<article class="bd-article sc-contents">{lists}</article>'


@contextmanager
def chromium():
    """A headless Chromium to print with, the system's or playwright's; None where there is none."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        found = found or playwright.chromium.executable_path
        browser = Path(found).exists() and playwright.chromium.launch(executable_path=found)
        yield browser or None
        if browser:
            browser.close()


def print_book(document, site, browser, path, author):
    """Print the document as the PDF `path`: tagged, with an outline and page numbers."""
    source = path.with_suffix("") / "chapters" / "book.html"
    source.parent.mkdir(parents=True)
    source.write_text(document, "utf-8")
    (source.parents[1] / "_static").symlink_to(site / "_static")
    how = {"tagged": True, "outline": True, "prefer_css_page_size": True, "print_background": True}
    page = browser.new_page()
    page.set_default_timeout(0)
    page.goto(source.as_uri())
    if page.evaluate(READY) is False:
        raise ValueError("the formulas would be printed without their fonts: see _static/mathjax")
    with pikepdf.open(io.BytesIO(page.pdf(**how))) as pdf:
        # The numbers are known now. The contents alone are printed again: in no time.
        page.evaluate(FILL_IN, {name: at + 1 for name, at in places(pdf).items()})
        only = str(CONTENTS + 1)
        with pikepdf.open(io.BytesIO(page.pdf(page_ranges=only, **how))) as numbered:
            redraw(pdf, CONTENTS, numbered)
        mend_outline(pdf, document)
        pdf.docinfo["/Author"] = author
        pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    page.close()


def places(pdf):
    """Name -> number of the page, from 0, of every place in the PDF to which a link leads."""
    pages = {page.objgen: number for number, page in enumerate(pdf.pages)}
    named = pdf.Root.get("/Dests", {})
    return {name.removeprefix("/"): pages[place[0].objgen] for name, place in named.items()}


def redraw(pdf, number, single):
    """Draw a page as the only page of `single` is drawn; its links and its place stay."""
    pdf.pages.append(single.pages[0])
    for part in (pikepdf.Name.Contents, pikepdf.Name.Resources):
        pdf.pages[number].obj[part] = pdf.pages[-1].obj[part]
    del pdf.pages[-1]


def mend_outline(pdf, document):
    """Mend the outline: Chromium drops the space at a line's end, and says some titles twice."""
    headings = BeautifulSoup(document, "html.parser").find_all(re.compile("^h[1-6]$"))
    titles = {squeeze(title): title for title in (h.get_text().strip() for h in headings)}
    titles |= {2 * squeezed: title for squeezed, title in titles.items()}
    with pdf.open_outline() as outline:
        marks = list(outline.root)
        for mark in marks:  # grows as it goes
            mark.title = titles.get(squeeze(mark.title), mark.title)
            marks += mark.children


def check(path, document):
    """Compare the PDF with the document it was printed from; say what it holds.

    Raises ValueError, with all that is wrong, unless no page is empty, every chapter stands in the
    outline and under its number in the contents, every link leads somewhere, and every position of
    a dial that paper shows is named in its chapter.
    """
    with pikepdf.open(path) as pdf:
        known, links = places(pdf), list(links_of(pdf))
        outline = {mark.title for mark in pdf.open_outline().root}
    with pypdfium2.PdfDocument(path) as pdf:
        texts = [squeeze(page.get_textpage().get_text_bounded()) for page in pdf]
    soup = BeautifulSoup(document, "html.parser")
    chapters = [article for article in soup.select("article[id]") if article.h1]
    begin = [known[chapter["id"]] for chapter in chapters]
    wrong = [f"page {n} is empty" for n, text in enumerate(texts, 1) if not text.strip(str(n))]
    wrong += [f"a link leads to {target}" for target in links if target not in known]
    dials = 0
    for chapter, start, end in zip(chapters, begin, [*begin[1:], len(texts)], strict=True):
        title, text = chapter.h1.get_text().strip(), "".join(texts[start:end])
        if title not in outline:
            wrong.append(f"{title} is not in the outline")
        if f"{squeeze(title)}{start + 1}" not in texts[CONTENTS]:
            wrong.append(f"{title} is not in the contents with its page {start + 1}")
        dials += len(chapter.select(".sc-multiples"))
        for name in chapter.select(PRINTED):
            if squeeze(name.get_text()) not in text:
                wrong.append(f"{name.get_text()} is missing in {title}")
    if wrong:
        raise ValueError(f"{path.name}: " + "; ".join(wrong))
    return f"{len(texts)} pages, {len(chapters)} chapters, {len(links)} links, {dials} dials"


def links_of(pdf):
    """Where every link of the PDF leads within it; a file of this machine counts as inside."""
    for page in pdf.pages:
        for note in page.obj.get("/Annots", []):
            if "/Dest" in note:
                yield str(note.Dest).removeprefix("/")
            elif str(note.get("/A", {}).get("/URI", "")).startswith("file:"):
                yield str(note.A.URI)


def squeeze(text):
    """Text without what a PDF does not keep: spaces, and hyphens at a line's end, read as x02."""
    return re.sub(r"[\s\x02\-\u00ad\ufffe]+", "", text)
