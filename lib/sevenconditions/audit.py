"""The audit: which of the seven conditions a rule meets, and what each broken one costs.

A report has one row a condition, with what measures it and what breaking it alone would cost; it
compares the estimate with a true gradient, in all and layer by layer; and it sets the cosine that
the seven rows predict together beside the one that was measured.
"""

import warnings
from dataclasses import asdict, dataclass

import numpy as np

from sevenconditions import (
    architecture,
    checks,
    contrast,
    dynamics,
    exact,
    feedback,
    settling,
    solvers,
)
from sevenconditions.budget import (
    condition_costs,
    equilibrium_gradient,
    forward_gradient,
    predicted_cosine,
    tell_update,
    true_gradient,
)
from sevenconditions.checks import BasinWarning, ConvergenceWarning, PrecisionWarning
from sevenconditions.energy import integrability_defect, reciprocity_error
from sevenconditions.equilibrium import Verdict
from sevenconditions.gradient import angle_deg, cosine, norm_ratio, relative_error
from sevenconditions.memory import Memory
from sevenconditions.network import PhaseNetworks
from sevenconditions.output import output_mode
from sevenconditions.recipe import (
    ALL_HOLD,
    CONDITIONS,
    Recipe,
    described,
    estimate_gradient,
    fitting,
    take_phases,
)


@dataclass(frozen=True)
class Condition:
    """One row of a report.

    Parameters
    ----------
    name : str                  The condition's word.
    diagnostic : str            What measures it.
    value : float or None       None where a rule has no such part to measure.
    holds : bool or None
    predicted_angle_deg : float or None     What breaking it alone would cost, in degrees.
    """

    name: str
    diagnostic: str
    value: float | None
    holds: bool | None
    predicted_angle_deg: float | None


@dataclass(frozen=True)
class Comparison:
    """An estimate beside the true gradient.

    Parameters
    ----------
    cosine, angle_deg, relative_error, norm_ratio : float
    """

    cosine: float
    angle_deg: float
    relative_error: float
    norm_ratio: float


@dataclass(frozen=True)
class Report(Comparison):
    """What `audit` finds; prints as a table, and shows as one in a notebook.

    Parameters
    ----------
    cosine, angle_deg, relative_error, norm_ratio : float       All parameters together.
    name : str                  Of the rule.
    against : str               The true gradient it is compared with: "backprop" or "equilibrium".
    layers : tuple of Comparison        Each layer's weights and bias, bottom-up.
    conditions : tuple of Condition     Seven rows, in the order of the chapters.
    predicted_cosine : float or None    From the seven rows together; None without slots.
    remarks : tuple of str      What the run itself warned of.
    """

    name: str
    against: str
    layers: tuple
    conditions: tuple
    predicted_cosine: float | None
    remarks: tuple = ()

    @property
    def worst_layer(self):
        """Index of the layer whose estimate is turned furthest; the global cosine hides it.

        None where there is nothing to learn in any layer.
        """
        angles = [layer.angle_deg for layer in self.layers]
        return None if np.isnan(angles).all() else int(np.nanargmax(angles))

    def to_dict(self):
        """The whole report as plain data, fit for JSON.

        Returns
        -------
        dict of numbers, strings, lists and None
        """
        return _plain(asdict(self) | {"worst_layer": self.worst_layer})

    def __str__(self):
        wide = max(len(row.diagnostic) for row in self.conditions)
        lines = [f"{self.name}, against {_REFERENCES[self.against]}"]
        head = ("condition", "measured by".ljust(wide), "value", "holds", "costs alone")
        lines.append("  {:<13} {} {:>10}  {:<6} {:>11}".format(*head))
        for row in self.conditions:
            cells = (row.name, row.diagnostic.ljust(wide), *_cells(row))
            lines.append("  {:<13} {} {:>10}  {:<6} {:>11}".format(*cells))
        return "\n".join([*lines, *self._sentences()])

    def _repr_pretty_(self, printer, cycle):
        printer.text(str(self))

    def _repr_html_(self):
        if output_mode() == "text":
            return None
        head = ("condition", "measured by", "value", "holds", "costs alone")
        rows = ((r.name, r.diagnostic, *_cells(r)) for r in self.conditions)
        caption = f"{self.name}, against {_REFERENCES[self.against]}"
        return html_table(caption, head, rows, self._sentences())

    def _sentences(self):
        """The measured lines under the table."""
        worst = self.worst_layer
        if worst is None:
            yield "nothing to compare: the true gradient is zero on this batch"
            return
        predicted = (
            "no prediction"
            if self.predicted_cosine is None
            else f"predicted {self.predicted_cosine:.4f}"
        )
        yield f"cosine {self.cosine:.4f} measured, {predicted}; angle {degrees(self.angle_deg)}"
        yield f"relative error {self.relative_error:.3g}, norm ratio {self.norm_ratio:.4g}"
        angles = ", ".join(degrees(layer.angle_deg) for layer in self.layers)
        yield f"angles of layers 1 to {len(self.layers)}: {angles}; worst is layer {worst + 1}"
        yield from self.remarks


# Colours are those of the page, so that light and dark both read; a narrow screen stacks the cells.
_CSS = """
.cell_output .text_html:has(.sc-report){background:none!important;padding:0!important}
.sc-report{color:inherit;overflow-x:auto;max-width:100%}
.sc-report table{border-collapse:collapse;background:none;color:inherit;margin:.5rem 0}
.sc-report caption{color:inherit;text-align:left;font-weight:600;caption-side:top;padding:.3rem 0}
.sc-report :is(th,td){padding:.2rem .8rem .2rem 0;text-align:left;color:inherit}
.sc-report :is(th,td):nth-child(3),.sc-report :is(th,td):last-child{text-align:right}
.sc-report p{margin:.2rem 0}
@media(max-width:480px){.sc-report thead{display:none}
.sc-report :is(table,caption,tbody){display:block;width:100%;overflow-wrap:anywhere}
.sc-report tr{display:block;padding:.4rem 0;border-bottom:1px solid}
.sc-report td,.sc-report td:nth-child(3),.sc-report td:last-child{display:block;padding:0;
text-align:left}.sc-report td:not(:first-child)::before{content:attr(data-name) ": "}
.sc-report td:first-child{font-weight:600}}
"""


def html_table(caption, head, rows, sentences):
    """A table for a notebook, on a narrow screen with its cells below one another.

    Parameters
    ----------
    caption : str
    head : sequence of str
    rows : iterable of sequence of str      As long as the head.
    sentences : iterable of str             What stands under the table.

    Returns
    -------
    str                         With all text escaped.

    Examples
    --------
    >>> "<caption>a &lt; b</caption>" in html_table("a < b", ("x",), [("1",)], [])
    True
    """
    from html import escape  # not needed to import the library

    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-name="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    below = "".join(f"<p>{escape(line)}</p>" for line in sentences)
    return (
        f'<style>{_CSS}</style><div class="sc-report"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>{below}</div>"
    )


def degrees(angle):
    """An angle with its unit, in few digits.

    Examples
    --------
    >>> degrees(12.34), degrees(0.05), degrees(1e-7)
    ('12.3 deg', '0.05 deg', '0 deg')
    """
    if abs(angle) < 1e-5:  # an arc cosine has no more digits
        return "0 deg"
    return f"{angle:.2g} deg" if abs(angle) < 1 else f"{angle:.1f} deg"


_REFERENCES = {
    "backprop": "backprop of the feedforward network",
    "equilibrium": "the gradient of its own equilibrium",
}


def audit(net, x, y, recipe=ALL_HOLD, *, against=None, tolerance=0.01, rng=None, memory=None):
    """Check a rule on the seven conditions and measure its estimate against the true gradient.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    recipe : Recipe, entry of the zoo, or callable (net, x, y) -> Gradient
        A callable has no slots: of its conditions, only what the network shows is measured; an
        entry without slots says which it keeps by design.
    against : {"backprop", "equilibrium"} or None
        The true gradient; None takes the entry's own, else backprop.
    tolerance : float > 0       Relative error that a condition may cost alone and still hold.
    rng : numpy.random.Generator or None        For recipes that read with noise.
    memory : Memory or None
        What other audits of the same network have found already, as `sweep` shares it; None starts
        with nothing. The report is the same to rounding.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If x, y or a setting do not fit, or `against` is neither.
    ConvergenceError
        If the network has no free equilibrium to take the gradient of.

    Breaks when
    -----------
    The estimate is not small against the batch's noise: the report describes this batch only.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> report = audit(net, [1.0, 0.0, 1.0], [0.0, 1.0])
    >>> all(row.holds for row in report.conditions), round(report.cosine, 6)
    (True, 1.0)
    """
    x, y, _ = dynamics.as_input(net, x, y)
    against = getattr(recipe, "against", "backprop") if against is None else against
    if against not in _REFERENCES:
        raise ValueError(f"against: got {against!r}, expected 'backprop' or 'equilibrium'")
    tolerance = checks.number("tolerance", tolerance, above=0)
    rng = np.random.default_rng([0, 3]) if rng is None else rng
    memory = Memory() if memory is None else memory
    rule, read = getattr(recipe, "estimate", recipe), None
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if isinstance(rule, Recipe):
            ready = memory.ready(rule, net)
            read = take_phases(net, x, y, ready, allow_unsettled=True, rng=rng)
            estimate = fitting(rule.contrast(read), net, allow_infinite=True)
            tell_update(memory, net, x, y, rule, read, estimate)
        else:
            estimate = estimate_gradient(net, x, y, rule)
        true = reference(net, x, y, recipe, against, memory)
        rows, predicted = _rows(net, x, y, recipe, read, against, tolerance, rng, memory)
    layers = range(net.n_layers)
    return Report(
        **asdict(_compared(estimate, true)),
        name=_name(recipe),
        against=against,
        layers=tuple(_compared(estimate.layer(i), true.layer(i)) for i in layers),
        conditions=rows,
        predicted_cosine=predicted,
        remarks=(*_own_remarks(net, recipe, read, memory), *_remarks(seen)),
    )


def _compared(estimate, true):
    if not np.any(true.flat()):  # nothing to learn here, and nothing to divide by
        return Comparison(*(float("nan"),) * 4)
    if not np.any(estimate.flat()):  # no direction at all is no better than a right angle
        return Comparison(0.0, 90.0, 1.0, 0.0)
    return Comparison(
        float(cosine(estimate, true)),
        float(angle_deg(estimate, true)),
        float(relative_error(estimate, true)),
        float(norm_ratio(estimate, true)),
    )


_TRUTHS = {"backprop": forward_gradient, "equilibrium": equilibrium_gradient}


def reference(net, x, y, recipe, against=None, memory=None):
    """The true gradient that a rule is compared with.

    Parameters
    ----------
    net, x, y, recipe, against, memory : as for `audit`

    Returns
    -------
    Gradient

    Raises
    ------
    ConvergenceError
        If the network has no free equilibrium to take the gradient of.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> reference(net, np.array([[1.0]]), np.array([[0.0]]), ALL_HOLD).weights[0].item()
    2.0
    """
    rule = getattr(recipe, "estimate", recipe)
    against = getattr(recipe, "against", "backprop") if against is None else against
    memory = Memory() if memory is None else memory
    if isinstance(rule, Recipe) or against == "backprop":
        return true_gradient(_TRUTHS[against], net, x, y, rule, memory)
    settled = getattr(recipe, "network", None)  # what an entry without slots settles by design
    tied = getattr(rule, "tied", True)
    return exact.recurrent_backprop(settled(net) if settled else net, x, y, tied=tied)


def _rows(net, x, y, recipe, read, against, tolerance, rng, memory):
    """Seven rows, and the cosine that they predict together."""
    rule = getattr(recipe, "estimate", recipe)
    if not isinstance(rule, Recipe):
        keeps = getattr(recipe, "keeps", None)
        if keeps is None:
            return _rows_without_slots(net, x, y, tolerance, memory), None
        by_design = "by design, not measured"
        return tuple(Condition(n, by_design, None, n in keeps, None) for n in CONDITIONS), None
    costs = condition_costs(net, x, y, rule, against=_TRUTHS[against], rng=rng, memory=memory)
    shown = _Shown(net, x, y, rule, read, memory)
    rows = []
    for cost in costs:
        label, value, is_kept = getattr(shown, cost.condition)(cost, tolerance)
        angle = cost.angle_deg
        angle = angle if np.isfinite(angle) else None
        rows.append(Condition(cost.condition, label, value, is_kept, angle))
    predicted = predicted_cosine(costs)
    return tuple(rows), predicted if np.isfinite(predicted) else None


class _Shown:
    """What a report shows of each condition of a recipe: label, value, whether it holds."""

    def __init__(self, net, x, y, recipe, read, memory):
        self.net, self.x, self.y, self.recipe = net, x, y, recipe
        self.networks = memory.networks(net, recipe)
        self.read, self.free, self.once = read, read.states[0], memory.once

    def settling(self, cost, tolerance):
        """Radius at the free state, and whether every phase got there in time."""
        radius = self.once(_radius, self.networks.free, self.x, self.free)
        rests = radius < 1.0 and all(s.converged for s in self.read.states)
        return "spectral radius", radius, rests and _is_small(cost, tolerance)

    def energy(self, cost, tolerance):
        """Asymmetry of the free network, and whether the nudged response is the adjoint anyway."""
        error = self.once(_reciprocity, *self.networks, self.x, self.y, self.free)
        repaired = self.networks.nudged is not self.networks.free
        holds = error <= tolerance and _is_small(cost, tolerance)
        label = "integrability defect"
        if repaired:
            label += ", repaired"
        elif not holds and _is_small(cost, tolerance):  # the same matrices, counted once
            label += ", cost under feedback"
        return label, self.once(_defect, self.networks.free, self.x, self.free), holds

    def phases(self, cost, tolerance):
        """What noise and an unsubtracted free phase add."""
        return "noise and residue over signal", cost.relative_error, _is_small(cost, tolerance)

    def feedback(self, cost, tolerance):
        """Cosine of what reaches the layer that is served worst."""
        label = "worst layer's cosine of the error"
        value = self.once(_worst, self.networks.free, self.x, self.y)
        return label, value, value >= 1.0 - tolerance and _is_small(cost, tolerance)

    def contrast(self, cost, tolerance):
        """Angle to the local product contrast, and whether the rule is local."""
        product = contrast.contrastive_hebbian(self.read)
        angle = float(angle_deg(self.recipe.contrast(self.read), product))
        local = contrast.is_local(self.recipe.contrast, _one_sample(self.read))
        label = "degrees from the contrast" + ("" if local else ", not local")
        return label, angle, local and _is_small(cost, tolerance)

    def nudging(self, cost, tolerance):
        """Bias of the finite nudge."""
        return "bias of a finite nudge", cost.relative_error, _is_small(cost, tolerance)

    def architecture(self, cost, tolerance):
        """Distance of the free state from the forward pass."""
        value = self.once(architecture.state_mismatch, self.net, self.x, self.free)
        holds = value <= tolerance and _is_small(cost, tolerance)
        return "distance from the forward pass", value, holds


def _rows_without_slots(net, x, y, tolerance, memory):
    """What the network alone shows; a rule without slots has no phases, rule or nudge to see."""
    free, once = memory.once(solvers.relax, net, x), memory.once
    radius, defect = once(_radius, net, x, free), once(_defect, net, x, free)
    worst, mismatch = once(_worst, net, x, y), once(architecture.state_mismatch, net, x, free)
    symmetric = None if defect is None else defect <= tolerance
    seen = {
        "settling": ("radius, network as given", radius, radius < 1.0 and free.converged),
        "energy": ("defect, network as given", defect, symmetric),
        "feedback": ("worst cosine, network as given", worst, worst >= 1.0 - tolerance),
        "architecture": ("mismatch, network as given", mismatch, mismatch <= tolerance),
    }
    unseen = ("no slot to look into", None, None)
    return tuple(Condition(name, *seen.get(name, unseen), None) for name in CONDITIONS)


def _is_small(cost, tolerance):
    return bool(cost.relative_error <= tolerance)


def _radius(net, x, free):
    return float(settling.spectral_radius(net, x, free).max())


def _defect(net, x, free):
    """The largest defect of a sample; None where a unit is flat and dR/dv does not exist."""
    try:
        return float(integrability_defect(net, x, free).max())
    except ValueError:
        return None


def _reciprocity(free_network, nudged_network, x, y, free):
    return reciprocity_error(PhaseNetworks(free_network, nudged_network), x, y, free)


def _worst(net, x, y):
    """Cosine of what feedback delivers with what backprop has, in the layer where it is lowest."""
    given, wanted = feedback.delivered_gradient(net, x, y), exact.backprop(net, x, y)
    layers = [_compared(given.layer(i), wanted.layer(i)).cosine for i in range(net.n_layers)]
    return 1.0 if np.isnan(layers).all() else float(np.nanmin(layers))


def _one_sample(read):
    """The phases of the first sample: locality does not need the whole batch."""

    def first(part):
        return type(part)(*(tuple(layer[:1] for layer in side) for side in part))

    return read._replace(
        free=first(read.free),
        nudged=tuple(first(part) for part in read.nudged),
        states=tuple(state.samples(slice(0, 1)) for state in read.states),
    )


def _name(recipe):
    if isinstance(recipe, Recipe):
        return described(recipe)
    named = getattr(recipe, "name", getattr(recipe, "__name__", None))
    return named if isinstance(named, str) else type(recipe).__name__


def _own_remarks(net, recipe, read, memory):
    """What a reader of the report should know of the run beside its numbers."""
    if getattr(recipe, "prepare", None) is not None:
        yield recipe.note
    if read is None:
        return
    rule = getattr(recipe, "estimate", recipe)
    settled = memory.networks(net, rule).free
    replaced = [
        name
        for name in ("cancellation", "feedback_gain", "feedback", "lateral")
        if not _same(getattr(net, name), getattr(settled, name))
    ]
    if replaced:
        yield f"it settles with its own {', '.join(replaced)}, not with what the network was given"
    if not rule.nudging.betas:
        yield "the limit of small nudges is computed, not settled"
    if any(not s.converged and s.verdict is not Verdict.TRUNCATED for s in read.states):
        yield "a phase did not settle: estimate_gradient would refuse this"


def _same(first, second):
    if not isinstance(first, tuple):
        return first == second
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def _remarks(seen):
    """The first warning of each kind that a run gave."""
    kinds = (BasinWarning, ConvergenceWarning, PrecisionWarning)
    first = {w.category: str(w.message) for w in reversed(seen) if issubclass(w.category, kinds)}
    return tuple(first.values())


def _cells(row):
    """Value, verdict and cost of a row, as they are printed."""
    value = "-" if row.value is None else f"{row.value:.3g}"
    holds = {True: "yes", False: "NO", None: "-"}[row.holds]
    angle = row.predicted_angle_deg
    return value, holds, "-" if angle is None else degrees(angle)


def _plain(value):
    """NumPy's numbers as Python's, tuples as lists, NaN as None."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
