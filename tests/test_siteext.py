"""What the site's extension does to docstrings and formulas before they are shown."""

from docutils import nodes

from tools import siteext


def shown(*lines):
    """A docstring after both of its treatments."""
    lines = list(lines)
    siteext.list_arguments(None, "function", "f", None, {}, lines)
    siteext.bars_are_norms(None, "function", "f", None, {}, lines)
    return lines


def test_argument_lines_become_a_list_with_their_continuations():
    assert shown(
        "Say x.", "", "beta : float, > 0,", "    the nudge", "dt, tol : float", "End."
    ) == [
        *("Say x.", "", ""),
        *("* **beta** : float, > 0,", "  the nudge", "* **dt, tol** : float"),
        *("", "End."),
    ]


def test_a_long_docstring_is_left_to_napoleon():
    long = ["Say x.", "", "Parameters", "----------", "beta : float"]
    assert shown(*long) == long


def test_bars_are_norms_in_prose_and_untouched_in_code_and_formulas():
    assert shown("The size |v|.") == [r"The size \|v\|."]
    for kept in ("Literal ``|v|`` and :math:`|v|`.", ">>> a | b"):
        assert shown(kept) == [kept]
    formula = [".. math:: |v|", "", "    |w|"]
    assert shown(*formula) == formula


def test_punctuation_stays_with_the_formula_before_it():
    paragraph = nodes.paragraph("", "", nodes.Text("If "), nodes.math(), nodes.Text(", then"))
    siteext.keep_punctuation(None, paragraph, "page")
    kept = paragraph[1]
    assert [type(child) for child in kept] == [nodes.math, nodes.Text]
    assert kept["classes"] == ["sc-keep"]
    assert paragraph.astext() == "If , then"
