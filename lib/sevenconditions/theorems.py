"""The theorem table: every algorithm against every condition, each cell measured when it is made.

A row is two audits of one entry of the zoo, against the gradient of its own equilibrium and against
backprop. Where an entry has no slots its network is measured, and its updates are probed from
outside. What is nowhere to be found, the settling of a rule without dynamics, is said to hold by
design.
"""

from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from sevenconditions import architecture, exact, feedback, predictive
from sevenconditions.audit import audit, degrees
from sevenconditions.gradient import cosine, relative_error
from sevenconditions.network import layered
from sevenconditions.output import output_mode
from sevenconditions.phases import free_phase
from sevenconditions.recipe import CONDITIONS, Recipe
from sevenconditions.zoo import ZOO

_HEAD = ("algorithm", *CONDITIONS, "from own gradient", "from backprop")
TESTS = "tests/test_theorems.py"  # holds every row; the book's site makes a link of it


@dataclass(frozen=True)
class Cell:
    """One algorithm under one condition.

    Parameters
    ----------
    value : float or None       What the condition's diagnostic measures; None: no such part.
    holds : bool
    by_design : bool            Whether there is nothing to measure: no dynamics that could settle.

    Examples
    --------
    >>> str(Cell(0.35, False, False)), str(Cell(None, True, True))
    ('NO 0.35', 'yes, by design')
    """

    value: float | None
    holds: bool
    by_design: bool

    def __str__(self):
        value = "" if self.value is None else f" {_shown(self.value)}"
        return ("yes" if self.holds else "NO") + value + (", by design" if self.by_design else "")


@dataclass(frozen=True)
class Row:
    """One algorithm: seven cells and two errors.

    Parameters
    ----------
    name : str                  In the zoo.
    cells : tuple of Cell       In the order of the chapters.
    own_error, backprop_error : float
        Relative error against the gradient of its own equilibrium, and against backprop.
    own_angle_deg, backprop_angle_deg : float
        Degrees from them in the layer that is turned furthest.

    Examples
    --------
    >>> Row("hebbian", (Cell(90.0, False, False),) * 7, 1.0, 1.0, 90.0, 90.0).lacks[0]
    'settling'
    """

    name: str
    cells: tuple
    own_error: float
    backprop_error: float
    own_angle_deg: float
    backprop_angle_deg: float

    @property
    def lacks(self):
        """The conditions that do not hold, in the order of the chapters."""
        return tuple(n for n, cell in zip(CONDITIONS, self.cells, strict=True) if not cell.holds)


@dataclass(frozen=True)
class TheoremTable:
    """The rows; prints as a table, and shows as one in a notebook.

    Parameters
    ----------
    rows : tuple of Row

    Examples
    --------
    >>> TheoremTable(()).named
    {}
    """

    rows: tuple

    @property
    def named(self):
        """The rows by name."""
        return {row.name: row for row in self.rows}

    def __str__(self):
        head = _HEAD
        body = [tuple(str(c).replace(", by design", "*") for c in _texts(r)) for r in self.rows]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *body)]
        note = "* by design; last columns: relative error; degrees in the worst layer"
        return "\n".join([*lines, note])

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": str(self)}
        if output_mode() != "text":
            bundle["text/html"] = self.html()
        return bundle

    def html(self):
        """The table for a page: on a narrow screen its cells stand below one another.

        Each row names the line of the tests that pins it, as an attribute ``data-repository``: the
        library does not know where the repository is, the site does.
        """
        head = (*_HEAD, "test")
        names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
        body = "".join(_html_row(head, row) for row in self.rows)
        return (
            f'<style>{_CSS}</style><div class="sc-theorems" tabindex="0" role="region" '
            f'aria-label="Theorem table"><table><thead><tr>{names}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def standard(seed=0):
    """The network, inputs and targets that the book's table is measured on.

    Units 8-12-10-5, tanh below a linear output, loops of gain 0.4, 32 Gaussian samples.

    Parameters
    ----------
    seed : int

    Returns
    -------
    net, x, y

    Examples
    --------
    >>> standard()[0].sizes
    (8, 12, 10, 5)
    """
    rng = np.random.default_rng(seed)
    net = layered((8, 12, 10, 5), gain=0.4, bias=0.1, rng=rng)
    return net, rng.standard_normal((32, 8)), rng.standard_normal((32, 5))


def table(net, x, y, names=None, *, given_share=0.3):
    """Audit entries of the zoo twice each, and collect what holds.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    names : sequence of str or None     Entries; None takes the whole zoo.
    given_share : float in [0, 1]
        Share of random feedback for entries that use the network's own matrices; those whose
        feedback learns start at random, as in training.

    Returns
    -------
    TheoremTable

    Raises
    ------
    ValueError
        If a name is not in the zoo, or x, y do not fit.
    ConvergenceError
        If the network has no free equilibrium.

    Breaks when
    -----------
    The network is not the example but an exception: the table describes this network.

    Examples
    --------
    >>> table(*standard(), ["equilibrium_propagation"]).rows[0].lacks
    ('architecture',)
    """
    names = tuple(ZOO) if names is None else names
    return TheoremTable(tuple(_row(net, x, y, ZOO[name], given_share) for name in names))


def measured_network(net, entry, given_share=0.3):
    """The network on which an entry is measured: with the feedback that this algorithm has.

    Parameters
    ----------
    net : Network
    entry : zoo.Entry
    given_share : float in [0, 1]       As for `table`.

    Returns
    -------
    Network

    Examples
    --------
    >>> net = standard()[0]
    >>> measured_network(net, ZOO["backprop"]) is net
    True
    """
    if entry.prepare is not None:
        return entry.prepare(net, np.random.default_rng(0))
    if isinstance(entry.estimate, Recipe) and entry.estimate.feedback is feedback.as_given:
        return feedback.mixed(given_share, seed=1)(net)
    return net


def _row(net, x, y, entry, given_share):
    recipe = entry.estimate if isinstance(entry.estimate, Recipe) else None
    net = measured_network(net, entry, given_share)
    own, against = (audit(net, x, y, entry, against=a) for a in ("equilibrium", "backprop"))
    aimed = {"equilibrium": own, "backprop": against}[entry.against]
    cells = tuple(Cell(c.value, bool(c.holds), False) for c in aimed.conditions)
    if recipe is None:
        cells = tuple(_without_slots(net, x, y, entry))
    own_error, own_angle = own.relative_error, own.layers[own.worst_layer].angle_deg
    if entry.name in _FORWARD:  # the network is the forward one: backprop is its own gradient
        own_error = against.relative_error
        own_angle = max(layer.angle_deg for layer in against.layers)
    worst = max(layer.angle_deg for layer in against.layers)
    return Row(entry.name, cells, own_error, against.relative_error, own_angle, worst)


_FORWARD = ("backprop", "direct_feedback_alignment", "difference_target_propagation")


def _without_slots(net, x, y, entry):
    """What an entry without slots shows: its network, and its update, probed from outside."""
    own = architecture.matched(net) if entry.network is None else entry.network(net)
    state = free_phase(own, x, tol=1e-12)
    seen = {row.name: row.value for row in audit(own, x, y, _nothing).conditions}
    wanted = exact.backprop(own, x[:1], y[:1])
    if entry.against == "equilibrium":
        wanted = exact.recurrent_backprop(own, x[:1], y[:1], tied=True)
    seen |= _probed(lambda x, y: entry.estimate(net, x, y), x, y, state, wanted)
    if entry.network is None:  # no dynamics: nothing settles, and its errors stand for a response
        given = np.concatenate(entry.estimate(net, x[:1], y[:1]).biases)
        seen |= {"settling": None, "energy": relative_error(given, np.concatenate(wanted.biases))}
    if entry.name in _LONGER:
        longer = _LONGER[entry.name](net, x, y)
        seen["settling"] = relative_error(longer, entry.estimate(net, x, y))
    limits = {"settling": _SMALL if entry.name in _LONGER else 1.0, "contrast": 1.0}  # degree
    for name in CONDITIONS:
        value = seen[name]
        if value is None:  # there is nothing to measure: no dynamics that could settle
            yield Cell(None, True, True)
        elif name == "feedback":
            yield Cell(value, bool(value >= 1.0 - _SMALL), False)
        else:
            yield Cell(value, bool(value <= limits.get(name, _SMALL)), False)


_SMALL = 0.01
# Rules that do not run to rest: the same, run on for longer.
_LONGER = {
    "bptt": lambda net, x, y: exact.bptt(architecture.hopfield(net), x, y, n_steps=120, tied=True),
    "zero_divergence": partial(predictive.zero_divergence, late=1),
}


def _nothing(net, x, y):
    return exact.backprop(net, x, y)


def _probed(estimate, x, y, state, wanted):
    """Phases, feedback, contrast and nudging of a rule that is known by its updates alone.

    Phases: size of the update where the target is the output already. Feedback: cosine of the
    error that reaches a layer's biases with the one in `wanted`, where it is lowest. Contrast:
    degrees of a single sample's update from products of the two ends. Nudging: what is not in
    proportion to the error of the output.
    """
    whole, output = estimate(x, y), state.rates[-1]
    idle = np.linalg.norm(estimate(x, output).flat()) / np.linalg.norm(whole.flat())
    half = estimate(x, 0.5 * (y + output)).flat()
    one, ends = estimate(x[:1], y[:1]), [x[0], *(v[0] for v in state.rates)]
    beside = [
        np.linalg.norm(_across(_across(w, below).T, above)) / np.linalg.norm(w)
        for w, below, above in zip(one.weights, ends, ends[1:], strict=False)
    ]
    return {
        "phases": idle,
        "feedback": min(cosine(a, b) for a, b in zip(one.biases, wanted.biases, strict=True)),
        "contrast": np.degrees(np.arcsin(min(max(beside), 1.0))),
        "nudging": relative_error(2.0 * half, whole.flat()),
    }


def _across(matrix, end):
    """The part of a matrix that maps nothing from `end`."""
    return matrix - np.outer(matrix @ end, end) / (end @ end)


def _shown(value):
    """A value in few digits; what is below 1e-4 holds either way, and may be rounding."""
    if abs(value) < 1e-4:
        return "<1e-4"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def _degrees(angle):
    return "<0.01 deg" if angle < 0.01 else degrees(angle)


def _texts(row):
    """Every cell of a row as text."""
    own = f"{_shown(row.own_error)}; {_degrees(row.own_angle_deg)}"
    backprop = f"{_shown(row.backprop_error)}; {_degrees(row.backprop_angle_deg)}"
    return (row.name, *map(str, row.cells), own, backprop)


def _html_row(head, row):
    texts = [escape(text).replace("1e-4", "1e\u20114") for text in _texts(row)]
    texts[0] = texts[0].replace("_", "_<wbr>")
    find = escape(f'"{row.name}": (')
    texts.append(
        f'<a data-repository="{TESTS}" data-find="{find}">'
        f'line<span class="sc-name"> of {escape(row.name)}</span></a>'
    )
    marks = ["", *("" if cell.holds else ' class="sc-no"' for cell in row.cells), "", "", ""]
    cells = (
        f'<td data-name="{name}"{mark}>{text}</td>'
        for name, mark, text in zip(head[1:], marks[1:], texts[1:], strict=True)
    )
    return f'<tr><th scope="row">{texts[0]}</th>{"".join(cells)}</tr>'


_CSS = """
.cell_output .text_html:has(.sc-theorems){background:none!important;padding:0!important}
.sc-theorems{color:inherit;overflow-x:auto;max-width:100%;font-size:.72rem;position:relative}
.sc-theorems table{border-collapse:collapse;background:none;color:inherit;margin:.5rem 0}
.sc-theorems :is(th,td){padding:.25rem .45rem .25rem 0;text-align:left;color:inherit;
vertical-align:top;overflow-wrap:normal;word-break:normal;hyphens:none}
.sc-theorems .sc-name{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.sc-theorems tr{border-bottom:1px solid #8886;background:none!important}
.sc-theorems .sc-no{font-weight:700;text-decoration:underline dotted}
@media(max-width:480px){.sc-theorems thead{display:none}
.sc-theorems :is(table,tbody){display:block;width:100%}
.sc-theorems tr{display:grid;grid-template-columns:1fr 1fr;padding:.4rem 0}
.sc-theorems tbody th{grid-column:1/-1}
.sc-theorems :is(td,tbody th){display:block;padding:0;font-size:.8rem}
.sc-theorems td::before{content:attr(data-name) ": ";font-weight:400}}
"""
