"""The book without a server: one zip whose pages open from the disk, and one PDF.

A page opened from the disk may not fetch another file. Of the site only the search does: it fetches
the pages it found, to show a line of each. In the zip it finds their text in one more script.
"""

import argparse
import html
import json
import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from tools import paper
from tools.book import alone, build
from tools.steps import ROOT, run_repeatably, step

TEXTS = "_static/searchtexts.js"
FETCH = "fetch(requestUrl)"
OWN = {".built-from", ".nojekyll"}  # what only a server or the next build reads

INSTALL = """The PDF was NOT made: it is printed by Chromium, and there is none here.
Install one (`apt install chromium`, or `.venv/bin/playwright install chromium`), then run
`make offline` again."""


def searchable(page):
    """The text of a page's article as HTML with its places, and nothing else."""
    article = BeautifulSoup(page, "html.parser").select_one("article.bd-article")
    for other in article.select("script, style, svg, .headerlink"):
        other.decompose()
    for tag in article.find_all(True):
        tag.attrs = {"id": tag["id"]} if tag.get("id") else {}
        if not tag.attrs and tag.name != "p":
            tag.unwrap()
    text = re.sub(r"\s+", " ", article.decode_contents())
    return f'<div role="main">{text}</div>'


def search_without_fetching(site):
    """Path -> bytes of the files with which search works from the disk: two changed, one new."""
    index = (site / "searchindex.js").read_text("utf-8")
    names = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["docnames"]
    texts = {name: searchable((site / f"{name}.html").read_text("utf-8")) for name in names}
    script = "const searchTexts = " + json.dumps(texts, ensure_ascii=False) + ";\n"
    tools = (site / "_static/searchtools.js").read_text("utf-8")
    page = (site / "search.html").read_text("utf-8")
    before = re.search(r'<script (?:defer )?src="_static/searchtools\.js', page)
    if tools.count(FETCH) != 1 or not before:
        raise ValueError(
            f"search has {tools.count(FETCH)} times {FETCH}, expected once, and its page "
            f"{'loads' if before else 'does not load'} searchtools.js: see how it works now"
        )
    stored = "Promise.resolve({ text: () => searchTexts[docName] })"
    at = before.start()
    changed = {
        TEXTS: script,
        "_static/searchtools.js": tools.replace(FETCH, stored),
        "search.html": f'{page[:at]}<script src="{TEXTS}"></script>\n  {page[at:]}',
    }
    return {name: text.encode() for name, text in changed.items()}


def pack(site, name, path):
    """Write the site as a zip with one folder `name`; the same site gives the same bytes."""
    files = {
        found.relative_to(site).as_posix(): found
        for found in site.rglob("*")
        if found.is_file() and found.name not in OWN
    }
    changed = search_without_fetching(site)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for inside in sorted({*files, *changed}):
            entry = zipfile.ZipInfo(f"{name}/{inside}")  # dated 1980, whatever the day
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, changed.get(inside) or files[inside].read_bytes())


def size(path):
    return f"{path.stat().st_size / 1e6:.1f} MB"


def make_pdf(root, site, stage, browser, path):
    """Print the book, check what was printed, and only then put it in place."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    parts = paper.parts_of(yaml.safe_load((root / "_toc.yml").read_text("utf-8")))
    licences = config["html"].get("extra_footer", "")
    with step("Putting all pages into one document"):
        document = paper.compose(site, parts, html.escape(config["author"]), licences)
    with step("Printing it (a minute or two)"):
        paper.print_book(document, site, browser, stage / path.name, config["author"])
    with step("Checking every page, link, chapter and dial of the PDF"):
        checked = paper.check(stage / path.name, document)
    os.replace(stage / path.name, path)
    print(f"  {checked}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--root", type=Path, default=ROOT, help="where _config.yml is")
    root = arguments.parse_args().root.resolve()
    site, work = root / "_build" / "html", root / "_build"
    run_repeatably("page", root)
    name = yaml.safe_load((root / "_config.yml").read_text("utf-8"))["title"]
    name = name.lower().replace(" ", "-")
    zipped, pdf = work / f"{name}.zip", work / f"{name}.pdf"
    try:
        if not build(root, site):
            sys.exit("The book was NOT built: see the messages above.")
        with alone(work), tempfile.TemporaryDirectory(prefix="stage-", dir=work) as stage:
            with step("Packing the site"):
                pack(site, name, Path(stage) / zipped.name)
                os.replace(Path(stage) / zipped.name, zipped)
            print(f"The site in one file, {size(zipped)}: {zipped}. Unpack it, open index.html.")
            with paper.chromium() as browser:
                make_pdf(root, site, Path(stage), browser or sys.exit(INSTALL), pdf)
            print(f"The book on paper, {size(pdf)}: {pdf}")
    except ValueError as wrong:
        sys.exit(f"NOT finished: {wrong}. What was finished before is still in place.")
    except KeyboardInterrupt:
        sys.exit("Stopped. What was finished before is still in place.")


if __name__ == "__main__":
    main()
