"""Sphinx extension: the switchboard, on the cover and at the head of every condition's chapter.

The library computes its 128 rows once for all pages, and once for each version of the library: they
are kept beside the executed notebooks.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from sevenconditions.recipe import CONDITIONS
from sevenconditions.switchboard import switchboard
from sevenconditions.truthtable import Combination, truth_table

TABLE = "index.html#the-switchboard"
STRIP_END = "</ol>"  # of the seven words at a chapter's head


class SwitchboardDirective(SphinxDirective):
    """The board; the argument, if there is one, is the chapter's condition."""

    optional_arguments = 1

    def run(self):
        """The board as HTML, with the table of all rows where it is on no chapter's."""
        lit = self.arguments[0] if self.arguments else None
        board = switchboard(lit, table_at=lit and TABLE, rows=rows(self.config))
        return [nodes.raw("", board.html(), format="html")]


def rows(config):
    """The truth table, from the cache of this library's version where it is there."""
    kept = Path(config.nb_execution_cache_path) / "switchboard.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(truth_table()))
        part.replace(kept)
    return [Combination(*_as_tuples(row)) for row in json.loads(kept.read_text())]


def _as_tuples(row):
    return (tuple(part) if isinstance(part, list) else part for part in row)


def put_at_the_head(app, docname, source):
    """Let the board follow the strip of seven words in the chapter of a condition."""
    condition = Path(docname).name[3:]
    if condition in CONDITIONS and Path(app.env.doc2path(docname)).suffix == ".ipynb":
        notebook = json.loads(source[0])
        head = notebook["cells"][0]
        text = "".join(head["source"])
        before, end, after = text.partition(STRIP_END)
        if not end:
            raise ValueError(f"{docname}: its first cell has no strip of the seven conditions")
        head["source"] = f"{before}{end}\n\n```{{switchboard}} {condition}\n```\n{after}"
        source[0] = json.dumps(notebook)


def setup(app):
    """Register the directive and the place at the head of chapters."""
    app.add_directive("switchboard", SwitchboardDirective)
    app.connect("source-read", put_at_the_head)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
