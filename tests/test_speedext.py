"""What the site's extension does to pages, stylesheets and icon fonts so that text shows early."""

import pytest

from tools import speedext

PAGE = """<head>
<link href="../_static/styles/theme.css?digest=1" rel="stylesheet" />
<link rel="preload" as="script" href="../_static/a.js" />
<link rel="icon" href="../_static/favicon.svg"/>
<link rel="stylesheet" type="text/css" href="../_static/custom.css?v=2" />
<script src="../_static/documentation_options.js?v=1"></script>
<script>let inline = 1;</script>
<script data-x="y" src="../_static/a.js"></script>
<script defer="defer" src="../_static/b.js"></script>
<script src="../_static/searchtools.js"></script>
<script src="../searchindex.js"></script>
</head>"""


def test_a_page_gets_one_stylesheet_and_waits_for_no_script():
    assert speedext.early(PAGE, "../book.css", "const O = {};", search=False).split("\n") == [
        "<head>",
        '<link rel="stylesheet" href="../book.css" />',
        '<link rel="icon" href="../_static/favicon.svg"/>',
        "<script>const O = {};</script>",
        "<script>let inline = 1;</script>",
        '<script defer data-x="y" src="../_static/a.js"></script>',
        '<script defer="defer" src="../_static/b.js"></script>',
        "</head>",
    ]


def test_only_the_search_page_loads_the_search():
    kept = speedext.early(PAGE, "../book.css", "", search=True)
    assert kept.index('<script defer src="../_static/searchtools.js">') < kept.index(
        '<script defer src="../searchindex.js">'
    )


def test_a_sheet_brings_its_imports_and_its_addresses_along(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "basic.css").write_text("i{background:url(file.png)}")
    theme = tmp_path / "styles" / "theme.css"
    theme.write_text('@import "../basic.css";\nb{a:url("../x.svg");c:url("data:image/png;,x")}')
    assert speedext.sheet(theme, tmp_path) == (
        'i{background:url(file.png)}\nb{a:url(x.svg);c:url("data:image/png;,x")}'
    )


def test_a_style_keeps_the_icons_that_a_page_names():
    sun, moon = (
        '.fa-sun:before{content:"\\f185"}',
        '.fa-luna:before,.fa-moon:before{content:"\\f186"}',
    )
    rest = 'p{--icon:"\\f058"}'
    assert speedext.without_icons(sun + moon + rest, ['<i class="fa-moon">']) == moon + rest


def test_icons_are_found_as_escapes_and_as_themselves():
    assert speedext.icons('p{--a:"\\f058";--b:"\uf071";content:"x"}') == {0xF058, 0xF071}


def test_blocks_are_all_measured_before_any_is_given_a_tab_stop():
    script = 'q("pre").forEach(e=>{e.tabIndex=e.scrollWidth>e.clientWidth?0:-1}),next()'
    changed = speedext.measured_first(script)
    assert changed.startswith('q("pre").forEach((e,first,all)=>{if(!first)[...all]')
    assert "[e,e.scrollWidth>e.clientWidth?0:-1]" in changed and changed.endswith("})}),next()")
    with pytest.raises(ValueError, match="in 0 places"):
        speedext.measured_first("nothing();")


def test_a_page_keeps_one_copy_of_each_stylesheet_of_its_figures():
    page = "<style>a{}</style>1<style>b{}</style>2<style>a{}</style>3"
    assert speedext.once(page) == "<style>a{}</style>1<style>b{}</style>23"


def test_code_is_text_where_its_colour_is_that_of_all_code_in_every_theme():
    rules = {
        "": ("background: #fff; color: #111", "background: #000; color: #eee"),
        " .n": ("color: #111", "color: #eee"),
        " .k": ("color: #111", "color: #f0f"),
        " .w": ("color: #111", "color: #eee; font-weight: bold"),
    }
    style = "\n".join(
        f'html[data-theme="{theme}"] .highlight{token} {{ {colour} }}'
        for token, colours in rules.items()
        for theme, colour in zip(("light", "dark"), colours, strict=True)
    )
    assert speedext.colourless(style) == {"n"}
    line = '<span class="n">a</span><span class="k">if</span>'
    page = f'<div class="highlight"><pre>{line}</pre></div>{line}'
    assert speedext.plainer(page, {"n"}) == (
        f'<div class="highlight"><pre>a<span class="k">if</span></pre></div>{line}'
    )
    assert speedext.plainer(page, set()) == page
