"""What the site reads out of the chapters: the claims, and what they call of the library."""

import json
from types import SimpleNamespace

from tools import chapterext

CODE = """
import numpy as np
import sevenconditions as sc
from sevenconditions import figures, settling
from sevenconditions.examples import couple

net = couple(0.5)
sc.ZOO["backprop"]
sc.settle(net, [1.0]).rates
settling.best_dt
figures.curves
sc.proofs.phases.leak()
np.linalg.norm
"""


def test_calls_are_named_after_the_module_that_defines_them():
    assert chapterext.called(CODE) == {
        "sevenconditions.equilibrium.settle",
        "sevenconditions.examples.couple",
        "sevenconditions.figures.lines.curves",
        "sevenconditions.proofs.phases.leak",
        "sevenconditions.settling.best_dt",
    }


def test_what_is_imported_and_not_called_in_another_library_is_not_named():
    assert chapterext.called("import numpy as np\nnp.linalg.norm([1.0])") == set()


def closing(name, code):
    """The last cell of a page after the extension has read its source."""
    cell = {"cell_type": "code", "source": code}
    app = SimpleNamespace(env=SimpleNamespace(doc2path=lambda page: f"{page}{name}"))
    source = [json.dumps({"cells": [cell]})]
    chapterext.list_functions(app, "page", source)
    return json.loads(source[0])["cells"][-1]["source"]


def test_a_notebook_ends_with_links_and_kinds_of_figures_stand_under_their_package():
    text = closing(".ipynb", CODE)
    assert "[`curves`](sevenconditions.figures.curves)" in text
    assert text.index("best_dt") < text.index("couple") < text.index("settle`")


def test_other_pages_and_notebooks_without_calls_are_left_alone():
    assert closing(".md", CODE) == CODE
    assert closing(".ipynb", "1 + 1") == "1 + 1"
