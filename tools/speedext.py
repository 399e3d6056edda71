"""Sphinx extension: pages that show their text early, also over a slow line.

The theme makes a page wait for a dozen stylesheets, a dozen scripts and the index of the search,
and sends two thousand icons for the twenty in use. Here the stylesheets become one, scripts wait
until the text stands, only the search page loads the search, the fonts keep the icons that the
pages name, and the theme measures before it writes. Half a page's elements coloured code in the
colour it has anyway, and each figure brought its own copy of one stylesheet: both stay once.
"""

import hashlib
import logging
import os
import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

# What the theme and its extensions write.
STYLES = re.compile(r'\s*<link\b[^>]*\brel="stylesheet"[^>]*>')
SCRIPT = re.compile(r"<script\b(?![^>]*\bdefer\b)(?=[^>]*\bsrc=)")
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
OPTIONS = re.compile(r'<script src="[^"]*\bdocumentation_options\.js[^>]*></script>')
SEARCH = re.compile(
    r'\s*<script src="[^"]*\b(searchtools|language_data|searchindex)\.js[^>]*></script>'
)
IMPORT = re.compile(r'@import "([^"]*)";')
ADDRESS = re.compile(r"url\((?![\"']?(?:data:|#))([^)]*)\)")
ICON = re.compile(r'(?:\.fa-[a-z0-9-]+:before,?)+\{content:"[^"]*"\}')
CHARACTER = re.compile(r'"\\([0-9a-f]{2,5})"')
FONT = re.compile(r'url\(([^)]*)\.woff2\) format\("woff2"\),url\(\1\.ttf\) format\("truetype"\)')
OWN_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
CODE = re.compile(r'<div class="highlight">.*?</div>', re.DOTALL)
COLOUR = re.compile(
    r'html\[data-theme="(\w+)"\] \.highlight( \.\w+)? \{(?: background: #\w+;)? color: (#\w+) \}'
)

# The theme's script goes through all blocks of code, again after every change of the page.
TAB_STOPS = re.compile(r"\.forEach\((\w)=>\{\1\.tabIndex=([^{}]{1,120})\?0:-1\}\)")


def measured_first(script):
    """The theme's script, which gives each block that scrolls a tab stop, without its many layouts.

    It measures a block, writes, and measures the next: each time the browser lays the page out
    anew. Here it measures all that is unfolded, and then writes what is not so already.
    """
    stops = (
        r".forEach((\1,first,all)=>{if(!first)[...all]"
        r".filter(\1=>\1.checkVisibility?.()!==false).map(\1=>[\1,\2?0:-1])"
        r".forEach(([\1,stop])=>{if(\1.tabIndex!==stop)\1.tabIndex=stop})})"
    )
    changed, count = TAB_STOPS.subn(stops, script)
    if count != 1:
        raise ValueError(f"the theme's script sets tab stops in {count} places, expected one")
    return changed


def early(page, style, options, search):
    """The page's HTML with one stylesheet, and with scripts that wait for the text.

    style : str, the stylesheet's address as seen from this page
    options : str, the script with the documentation's options, small enough to stand in the page
    search : bool, whether this is the search page
    """
    page = STYLES.sub(f'\n<link rel="stylesheet" href="{style}" />', page, count=1)
    first, rest = page.split(style, 1)
    page = PRELOAD.sub("", first + style + STYLES.sub("", rest))
    page = OPTIONS.sub(lambda _: f"<script>{options}</script>", page)
    return SCRIPT.sub("<script defer", page if search else SEARCH.sub("", page))


def once(page):
    """The page's HTML without stylesheets that stand in it already."""
    seen = set()

    def first(found):
        again = found[0] in seen
        seen.add(found[0])
        return "" if again else found[0]

    return OWN_STYLE.sub(first, page)


def colourless(style):
    """Pygments' classes that the style gives, in every theme, the colour of all code."""
    rules = {(token.strip(" ."), theme): colour for theme, token, colour in COLOUR.findall(style)}
    themes = [theme for token, theme in rules if not token]
    return {
        token
        for token, _ in rules
        if token and all(rules.get((token, theme)) == rules["", theme] for theme in themes)
    }


def plainer(page, tokens):
    """The page's HTML where these tokens of code are text, not elements."""
    if not tokens:
        return page
    token = re.compile(rf'<span class="(?:{"|".join(sorted(tokens))})">([^<]*)</span>')
    return CODE.sub(lambda block: token.sub(r"\1", block[0]), page)


def sheet(path, top):
    """A stylesheet with its imports in place, and addresses as seen from the directory `top`."""

    def moved(found):
        target = found[1].strip("'\"")
        return f"url({os.path.relpath(path.parent / target, top)})"

    text = ADDRESS.sub(moved, path.read_text(encoding="utf-8"))
    return IMPORT.sub(lambda found: sheet(path.parent / found[1], top), text)


def without_icons(style, pages):
    """The style without its rules for icons that none of the pages names."""
    named = {name for page in pages for name in re.findall(r"\bfa-[a-z0-9-]+", page)}

    def kept(found):
        return found[0] if named & set(re.findall(r"fa-[a-z0-9-]+", found[0])) else ""

    return ICON.sub(kept, style)


def icons(style):
    """The code points of the icons that a style draws, written as escapes or as themselves."""
    return {int(code, 16) for code in CHARACTER.findall(style)} | {
        ord(character) for character in style if "\ue000" <= character <= "\uf8ff"
    }


def thin(font, points):
    """Write beside a TrueType font one with these characters only, for the browser (WOFF)."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it reports every table
    options = subset.Options(flavor="woff", notdef_outline=True)
    cut = subset.Subsetter(options)
    cut.populate(unicodes=points)
    with TTFont(font, recalcTimestamp=False) as whole:
        cut.subset(whole)
        subset.save_font(whole, str(font.with_suffix(".woff")), options)


def show_early(app, failure):
    """Rewrite the built pages, and leave out the files they no longer ask for."""
    if failure is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    pages = {path: text for path, text in pages.items() if STYLES.search(text)}
    links = STYLES.findall(next(iter(pages.values())))
    names = [re.search(r'href="[^"?]*_static/([^"?]*)', link)[1] for link in links]
    style = "\n".join(sheet(static / name, static) for name in names)
    style = without_icons(style, pages.values())
    points = icons(style)
    for font in set(FONT.findall(style)):
        thin(static / f"{font}.ttf", points)
        (static / f"{font}.woff2").unlink()
    style = FONT.sub(r'url(\1.woff) format("woff")', style)
    (static / "book.css").write_text(style, encoding="utf-8")
    version = hashlib.sha256(style.encode()).hexdigest()[:8]
    options = (static / "documentation_options.js").read_text(encoding="utf-8")
    tokens = colourless(style)
    for path, text in pages.items():
        address = f"{os.path.relpath(static, path.parent)}/book.css?v={version}"
        text = early(text, address, options, search=path == out / "search.html")
        path.write_text(plainer(once(text), tokens), encoding="utf-8")
    theme = static / "scripts" / "pydata-sphinx-theme.js"
    theme.write_text(measured_first(theme.read_text(encoding="utf-8")), encoding="utf-8")
    for name in {*names, "basic.css"}:
        (static / name).unlink(missing_ok=True)


def setup(app):
    # Before siteext removes the fonts' other forms.
    app.connect("build-finished", show_early, priority=850)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
