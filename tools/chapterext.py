"""Sphinx extension: what the site reads out of the chapters themselves.

The page of claims lists what the stored notebooks assert, and each chapter ends with links to the
library's functions that its code calls. Both are read, not written, so neither can fall behind.
"""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from sevenconditions.claims import anchor, collect
from tools.steps import ROOT

PACKAGE = "sevenconditions"


def notebooks():
    """The chapters that are notebooks, in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [page["file"] for part in toc["parts"] for page in part["chapters"]]
    return [path for name in names if (path := ROOT / f"{name}.ipynb").is_file()]


class ClaimsList(SphinxDirective):
    """Every claim of the book: what it says, what it must keep to, and where it is made."""

    def run(self):
        """One table a chapter, each row a link to the place where the claim is computed."""
        collect(notebooks())  # raises where one key stands for two claims
        made = []
        for path in notebooks():
            self.env.note_dependency(str(path))
            if claims := collect([path]):
                made += [self._heading(path, len(claims)), self._table(path, claims)]
        return made

    def _heading(self, path, count):
        chapter = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        title = re.search(r"^# (.+)$", "".join(chapter), flags=re.M)[1]
        word = "claim" if count == 1 else "claims"
        return nodes.rubric("", f"{title}: {count} {word}")

    def _table(self, path, claims):
        group = nodes.tgroup("", *(nodes.colspec(colwidth=w) for w in (5, 3, 5)), cols=3)
        head = nodes.row("", *(_entry(word) for word in ("Claim", "Value", "Must be")))
        rows = [
            nodes.row("", _entry(_link(path, each)), _entry(each.value), _entry(each.required))
            for each in claims
        ]
        group += [nodes.thead("", head), nodes.tbody("", *rows)]
        return nodes.table("", group, classes=["sc-claims"])


def _link(path, claim):
    words = claim.key.split("/")[1].replace("-", " ")
    return nodes.reference("", words, refuri=f"{path.stem}.html#{anchor(claim.key)}")


def _entry(content):
    text = content if isinstance(content, nodes.Node) else nodes.Text(content)
    return nodes.entry("", nodes.paragraph("", "", text))


def called(source):
    """Full names of what a cell's code takes from the library, each in the module that defines it.

    >>> sorted(called("import sevenconditions as sc\\nfrom sevenconditions import settling\\n"
    ...               "sc.settle(net, x)\\nsettling.best_dt"))
    ['sevenconditions.equilibrium.settle', 'sevenconditions.settling.best_dt']
    """
    tree, known = ast.parse(source), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {a.asname or a.name: _find(a.name) for a in node.names if a.name == PACKAGE}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            known |= {a.asname or a.name: _find(f"{node.module}.{a.name}") for a in node.names}
    found = [thing for thing in known.values() if not inspect.ismodule(thing)]
    found += [_held(node, known) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return {f"{each.__module__}.{each.__qualname__}" for each in found if _is_ours(each)}


def _held(node, known):
    """What a name, or a chain of them through modules, stands for; None where it is not known."""
    if isinstance(node, ast.Attribute):
        room = _held(node.value, known)
        return getattr(room, node.attr, None) if inspect.ismodule(room) else None
    return known.get(node.id) if isinstance(node, ast.Name) else None


def _find(name):
    """A module, or what a module holds under a name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, thing = name.rpartition(".")
        return getattr(importlib.import_module(module), thing)


def _is_ours(thing):
    made_here = inspect.isfunction(thing) or inspect.isclass(thing)
    return made_here and thing.__module__.startswith(PACKAGE)


def list_functions(app, docname, source):
    """Close a notebook's page with links to the library's functions that its code calls."""
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    code = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    names = sorted(called("\n".join(code)), key=lambda name: name.split(".")[-1].lower())
    if names:
        links = ", ".join(f"[`{name.split('.')[-1]}`]({documented(name)})" for name in names)
        text = f"**Everything of the library that this page calls:** {links}."
        notebook["cells"].append(
            {"cell_type": "markdown", "id": "calls", "metadata": {}, "source": text}
        )
        source[0] = json.dumps(notebook)


def documented(name):
    """Where the reference documents a name: kinds of figures stand under their package."""
    return re.sub(r"\.figures\.\w+\.", ".figures.", name)


def setup(app):
    """Register the directive and the closing links."""
    app.add_directive("claims-list", ClaimsList)
    app.connect("source-read", list_functions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
