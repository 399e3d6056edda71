"""Sphinx extension: what the site derives from one address, and what it does not need.

The repository's address in _config.yml gives the address of the site, and so canonical links and
social cards. Scripts that could ask another host for something (live code, comments) are left out;
so is the one that redraws icons which the theme's own font draws already (half a megabyte a page).
Of the formula renderer only what a page can ask for stays in the site.
"""

import re
from html import unescape
from pathlib import Path

from docutils import nodes

# Of MathJax: the renderer (which brings help for screen readers), fonts, and packages of TeX.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions", "ui/lazy.js")
# A formula out of view is empty until it is set, also for a screen reader: after the page has
# loaded, the idle browser sets one after the other. What scrolls becomes a stop of the Tab key.
IDLE_FORMULAS = """
addEventListener("load", () => window.MathJax?.startup?.promise?.then(() => {
  const formulas = MathJax.startup.document;
  const idle = window.requestIdleCallback ?? (work => setTimeout(work, 20));
  const stop = () => [...document.querySelectorAll(".math, .math > mjx-container")]
    .map(formula => [formula, formula.scrollWidth > formula.clientWidth])
    .forEach(([formula, scrolls]) => {
      scrolls ? formula.setAttribute("tabindex", 0) : formula.removeAttribute("tabindex");
    });
  const setNext = () => {
    const waiting = document.querySelector("mjx-lazy");
    if (!waiting || !formulas.lazySet) return stop();
    formulas.lazySet.add(waiting.dataset.mjxLazy);
    formulas.lazyHandleSet();
    formulas.lazyPromise.then(() => idle(setNext));
  };
  addEventListener("resize", () => idle(stop));
  idle(setNext);
}));
"""
LOGO = re.compile(r'(<img [^>]*class="logo__image[^>]*?) alt="[^"]*"')
ICON_SCRIPT = re.compile(r"\s*<(script|link)[^>]*fontawesome\.js[^>]*>(</script>)?")
UNWANTED = re.compile(r"thebe|utterances|hypothes")


def site_address(repository):
    """Where the pages of a GitHub repository are served, with a closing slash."""
    owner, name = repository.removeprefix("https://github.com/").strip("/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


WITHOUT_TEXT = {
    "search": "search the whole book and its library",
    "genindex": "an index of the library's functions and classes",
    "prf-prf": "an index of the book's theorems and propositions",
}


def derive_addresses(app, config):
    address = site_address(config.html_theme_options["repository_url"])
    config.html_baseurl = config.ogp_site_url = address


def list_arguments(app, what, name, thing, options, lines):
    """Show "beta : float, ..." lines, as short docstrings have them, as a list of arguments."""
    if "Parameters" in lines:  # the long form, which napoleon reads
        return
    shown, listing = [], False
    for line in lines:
        if re.match(r"[a-z]\w*(, \w+)* : ", line):
            argument, meaning = line.split(" : ", 1)
            shown += [] if listing else [""]
            shown.append(f"* **{argument}** : {meaning}")
            listing = True
        elif listing and line.startswith(" "):
            shown.append(f"  {line.strip()}")
        else:
            shown += ["", line] if listing else [line]
            listing = False
    lines[:] = shown


def bars_are_norms(app, what, name, thing, options, lines):
    """Let docstrings write |v| for a norm: in prose, a bar is a bar and starts no substitution."""
    in_math = False
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith(" "):
            in_math = line.startswith(".. math::")
        if not in_math and ">>>" not in line:
            parts = re.split(r"(``.*?``|`[^`]*`)", line)  # every second part is literal, or maths
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[number] = "".join(parts)


def leave_out_scripts(app, pagename, templatename, context, doctree):
    """Drop the scripts for live code and comments, which the book does not offer."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if not UNWANTED.search(f"{script.filename} {script.attributes.get('body', '')}")
    ]


def set_formulas_when_idle(app, pagename, templatename, context, doctree):
    """Let every page set the formulas that are out of view as well, when it has nothing to do."""
    app.add_js_file(None, body=IDLE_FORMULAS)


def list_citations(app, pagename, templatename, context, doctree):
    """Say that the entries of a list of citations are its items, which docutils leaves open."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def link_to_repository(app, pagename, templatename, context, doctree):
    """Give the library's references to a file of the repository their address, and the line."""
    options = app.config.html_theme_options
    base = f"{options['repository_url']}/blob/{options['repository_branch']}"
    if "data-repository=" in context.get("body", ""):
        context["body"] = with_addresses(context["body"], base, Path(__file__).parents[1])


def with_addresses(body, base, root):
    """What stands as data-repository="file" data-find="text" becomes a link to that line."""

    def linked(found):
        path, wanted = found[1], unescape(found[2])
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            if wanted in line:
                return f'href="{base}/{path}#L{number}"'
        raise ValueError(f"{path} has no line with {wanted!r}, to which a page refers")

    return re.sub(r'data-repository="([^"]*)" data-find="([^"]*)"', linked, body)


def describe(app, pagename, templatename, context, doctree):
    """Say in a line what a page is that has no text of its own to be quoted from."""
    if pagename in WITHOUT_TEXT:
        words = f"Seven Conditions: {WITHOUT_TEXT[pagename]}."
        found = context.get("metatags", "")
        context["metatags"] = f'{found}\n<meta name="description" content="{words}" />'


def leave_out_settings(app, doctree, docname):
    """Drop the settings for live code that would otherwise stand at the end of every page."""
    for raw in list(doctree.findall(nodes.raw)):
        if "x-thebe-config" in raw.astext() or "kernelName =" in raw.astext():
            raw.parent.remove(raw)


def keep_punctuation(app, doctree, docname):
    """Hold a comma to the formula before it: a browser would let it start the next line."""
    for formula in list(doctree.findall(nodes.math)):
        parent, at = formula.parent, formula.parent.index(formula)
        after = parent[at + 1] if at + 1 < len(parent) else None
        marks = re.match(r"[-,.;:!?)\]’]+", after) if isinstance(after, nodes.Text) else None
        if marks:
            rest = nodes.Text(after[marks.end() :])
            kept = nodes.inline("", "", formula.deepcopy(), nodes.Text(marks[0]))
            kept["classes"].append("sc-keep")
            parent[at : at + 2] = [kept, rest]


def mend_templates(app, failure):
    """Mend in the written pages what the theme's own templates write.

    They name the icon script, which no page needs, and describe the logo by the very title that
    stands beside it.
    """
    if failure is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            page.write_text(LOGO.sub(r'\1 alt=""', ICON_SCRIPT.sub("", text)), encoding="utf-8")


def trim(app, failure):
    """Remove from the built site what no page can ask for."""
    if failure is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    mathjax = static / "mathjax"
    for path in sorted(mathjax.rglob("*"), reverse=True):
        name = path.relative_to(mathjax).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not any(name == kept or name.startswith(kept + "/") for kept in MATHJAX):
            path.unlink()
    for path in [*static.rglob("*.map"), *static.rglob("*.ttf")]:
        path.unlink()
    for name in ("sphinx-thebe.js", "scripts/fontawesome.js"):
        (static / name).unlink(missing_ok=True)


def setup(app):
    # After the theme (priority 500) has had its say.
    app.connect("config-inited", derive_addresses, priority=900)
    app.connect("autodoc-process-docstring", list_arguments, priority=100)
    app.connect("autodoc-process-docstring", bars_are_norms, priority=100)
    app.connect("doctree-resolved", leave_out_settings, priority=900)
    app.connect("doctree-resolved", keep_punctuation, priority=900)
    app.connect("html-page-context", leave_out_scripts, priority=900)
    app.connect("html-page-context", set_formulas_when_idle, priority=800)
    app.connect("html-page-context", list_citations, priority=900)
    app.connect("html-page-context", link_to_repository, priority=900)
    app.connect("html-page-context", describe, priority=900)
    app.connect("build-finished", mend_templates, priority=900)
    app.connect("build-finished", trim, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
