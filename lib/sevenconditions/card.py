"""The report card of a rule, and the grade of an exercise that asks for one.

Both rest on a witness: the smallest network found on which the rule is not the gradient.
"""

from dataclasses import dataclass

import numpy as np

from sevenconditions import figures
from sevenconditions.audit import Report, audit, degrees, reference
from sevenconditions.checks import ConvergenceError
from sevenconditions.gradient import norm_ratio, relative_error
from sevenconditions.network import layered
from sevenconditions.output import output_mode
from sevenconditions.questions import Check, exercise_check
from sevenconditions.recipe import estimate_gradient
from sevenconditions.rules import Unwritten, local, taken
from sevenconditions.sketch import written
from sevenconditions.theorems import standard
from sevenconditions.witness import MARGIN, UNITS, Witness, shown, smallest_witness

_GAINS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True, eq=False)
class ReportCard:
    """What is known of a rule; shows itself as report, plots and witness.

    Parameters
    ----------
    report : Report             Of `audit`, on one network.
    plots : tuple of Figure
    witness : Witness or None
    """

    report: Report
    plots: tuple
    witness: Witness | None

    def text(self):
        """The card in words."""
        return "\n\n".join([str(self.report), *(f.text() for f in self.plots), self._found()])

    def _found(self):
        none = "No witness: the rule is the gradient on every small network that was tried."
        return none if self.witness is None else str(self.witness)

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text()}
        if output_mode() != "text":
            parts = [self.report._repr_html_()]
            parts += [plot._repr_mimebundle_()["text/html"] for plot in self.plots]
            picture = self.witness.picture() if self.witness else ""
            bundle["text/html"] = "".join([*parts, picture, shown(self._found())])
        return bundle


def report_card(rule, net=None, x=None, y=None, *, fails=MARGIN, max_units=6, seed=0):
    """Audit a rule, plot where it goes wrong, and find the smallest network that shows it.

    Parameters
    ----------
    rule : callable, Recipe or entry of the zoo
        Ten lines about one synapse, see `rules.local`; or anything that `audit` takes.
    net, x, y : as for `audit`  None for all three takes those of `theorems.standard`.
    fails, max_units, seed : as for `witness.smallest_witness`

    Returns
    -------
    ReportCard

    Raises
    ------
    ValueError
        If the rule asks for what a synapse does not see, or returns something of another shape, or
        NaN.

    Examples
    --------
    >>> def hebb(pre_free, post_free):
    ...     return -pre_free * post_free
    >>> card = report_card(hebb)
    >>> card.witness.n_units, [row.holds for row in card.report.conditions][4]
    (2, False)
    """
    rule = taken(rule)
    net, x, y = standard(seed) if net is None else (net, x, y)
    report = audit(_started(rule, net, seed), x, y, rule)
    if report.worst_layer is None:
        raise ValueError("y: the true gradient is zero, expected targets that are not yet met")
    witness = smallest_witness(rule, fails=fails, max_units=max_units, seed=seed)
    return ReportCard(report, (_by_layer(report), _by_gain(rule, net.sizes, seed)), witness)


def _started(rule, net, seed):
    """The network as the rule's training would begin; most rules take it as it is."""
    prepare = getattr(rule, "prepare", None)
    return prepare(net, np.random.default_rng(seed)) if prepare else net


def _by_layer(report):
    names = [f"layer {i + 1}" for i in range(len(report.layers))]
    angles = [round(layer.angle_deg, 1) for layer in report.layers]
    sizes = ", ".join(f"{layer.norm_ratio:.3g}" for layer in report.layers)
    worst = report.worst_layer
    most = degrees(report.layers[worst].angle_deg)
    return figures.bars(
        names,
        {"angle": angles},
        title=f"Layer {worst + 1} is turned most, by {most}"
        if angles[worst]
        else f"No layer is turned by more than {most}",
        caption="Angle to the gradient by layer, and the size of each over the gradient's.",
        ylabel="angle (degrees)",
        readouts={"sizes, bottom-up": sizes},
    )


def _by_gain(rule, sizes, seed):
    """The worst layer's angle, and the whole's, as the weights grow."""
    found = [_angles(rule, sizes, gain, seed) for gain in _GAINS]
    whole, worst = np.transpose(found)
    first, last = (f"{value:.0f}" for value in worst[np.isfinite(worst)][[0, -1]])
    return figures.curves(
        _GAINS,
        {"worst layer": worst, "whole": whole},
        title=f"Worst layer: {first} degrees with weak weights, {last} with strong ones",
        caption="Angle to the gradient on networks of one draw, their weights scaled. A gap: no "
        "rest, or no answer.",
        xlabel="gain of the weights",
        ylabel="angle (degrees)",
    )


def _angles(rule, sizes, gain, seed):
    rng = np.random.default_rng([seed, 1])
    net = layered(sizes, gain=gain, bias=0.1, rng=rng)
    x, y = (rng.standard_normal((8, n)) for n in (sizes[0], sizes[-1]))
    try:
        report = audit(_started(rule, net, seed), x, y, rule)
    except ConvergenceError:
        return np.nan, np.nan
    return report.angle_deg, report.layers[report.worst_layer].angle_deg


def grade(
    name,
    rule,
    *,
    into=local,
    mistakes=(),
    typed=None,
    hint="",
    fails=MARGIN,
    max_units=4,
    units=UNITS,
):
    """Grade a reader's rule by the smallest network on which it is not the gradient.

    Parameters
    ----------
    name : str                  The exercise.
    rule : callable             What the reader wrote; it may still return ``...``.
    into : callable             Makes of it what `audit` takes: `rules.local`, `rules.by_hops`, ...
    mistakes : sequence of (wrong rule, message)        The first that does what the reader's does
        is named; so are, without being listed, a sign and a factor.
    typed : (arguments, number) or None
        What the rule gives there, for a reader who types a number into the page.
    hint : str                  Folded away under the outcome.
    fails, max_units, units : as for `witness.smallest_witness`

    Returns
    -------
    Check                       Never raises because of the reader's rule.

    Examples
    --------
    >>> def mine(pre_free, post_free, pre_nudged, post_nudged, beta):
    ...     return (pre_nudged * post_nudged - pre_free * post_free) / beta
    >>> print(grade("slope", mine).text())
    slope: look again. The sign: an estimate of the gradient is subtracted, so it points uphill. \
On a network of 2 units (1-1, linear) with weights 1, input 1, target 0, for the weights of layer \
1 the rule says -1, the gradient says 1.
    """
    box = _box(name, mistakes, *typed) if typed else None
    try:
        own = into(rule)
        found = smallest_witness(own, fails=fails, max_units=max_units, units=units)
    except Unwritten:
        todo = "Replace the placeholder and run the cell again."
        return Check(name, "not yet", todo, hint, box)
    except Exception as reason:  # the rule is the reader's
        return Check(name, "look again", f"{type(reason).__name__}: {reason}", hint)
    if found is None:
        right = f"It is the gradient on every network of up to {max_units} units that was tried."
        return Check(name, "right", right, hint)
    said = f"{_mistake(own, found, into, mistakes, units)} {found.sentence()}"
    return Check(name, "look again", said.strip(), hint)


def _mistake(own, found, into, mistakes, units):
    """What is wrong with a rule, in words; nothing where that is not known."""
    case = _square(units)
    mine, complaint = _answer(own, case)
    for wrong, message in mistakes:
        theirs, their_complaint = _answer(into(wrong), case)
        if mine is None or theirs is None:
            same = bool(complaint) and complaint == their_complaint
        else:
            same = relative_error(mine, theirs) < 1e-3
        if same:
            return message
    if mine is None:  # the witness tells it, unless it fails by its numbers there
        return "" if found.error else f"Elsewhere it says:{complaint}."
    return _factor(mine, reference(*case, own), own)


def _answer(own, case):
    """What a rule says on a network, or its complaint without the name of the rule."""
    try:
        return estimate_gradient(*case, own), ""
    except Exception as reason:  # the rule is the reader's
        return None, str(reason).partition(":")[2] or str(reason)


def _square(units):
    """A network on which a matrix and its transpose may take each other's place."""
    rng = np.random.default_rng(0)
    phi, output = units[-1]
    net = layered((2, 2, 2), gain=0.6, activation=phi, output=output, bias=0.1, rng=rng)
    return net, rng.standard_normal((2, 2)), rng.standard_normal((2, 2))


def _factor(mine, true, own):
    """The sign and the factor of an update that is a multiple of the gradient."""
    size, nothing = norm_ratio(mine, true), true.minus(true)
    for sign in (1, -1):
        if relative_error(mine, nothing.minus(true, over=-sign / size)) < 0.05:
            return " ".join(filter(None, (_SIGNS[sign], _length(size, own))))
    return ""


_SIGNS = {1: "", -1: "The sign: an estimate of the gradient is subtracted, so it points uphill."}


def _length(size, own):
    if abs(size - 1) < 0.05:
        return ""
    beta = abs(own.estimate.nudging.betas[-1]) if hasattr(own, "estimate") else np.inf
    if abs(size / beta - 1) < 0.05:
        return "The 1/beta is missing: a difference is not yet a derivative."
    return f"It is {written(size)} times as long as the gradient, in every layer."


def _box(name, mistakes, arguments, expected):
    pairs = [(float(wrong(*arguments)), message) for wrong, message in mistakes]
    return exercise_check(name, ..., expected, mistakes=pairs).box
