"""Witnesses: the smallest network found on which a rule is not the gradient, in simple numbers.

Networks are drawn from the smallest size up until one fails; that one is made simpler for as long
as it still fails, as property-based testing shrinks an example. Smallest means: in this family, by
this search. Where fewer units cannot do, :func:`counterexample` says why.
"""

import itertools
import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sevenconditions import architecture, checks, contrast, feedback
from sevenconditions import nudging as nudgings
from sevenconditions import phases as phase_rooms
from sevenconditions import settling as settlings
from sevenconditions.audit import degrees, reference
from sevenconditions.checks import ConvergenceError
from sevenconditions.display import Figure, style_tag
from sevenconditions.energy import as_given as lateral_as_given
from sevenconditions.gradient import Gradient, angle_deg, relative_error
from sevenconditions.network import Network
from sevenconditions.output import output_mode
from sevenconditions.recipe import ALL_HOLD, CONDITIONS, Recipe, described, estimate_gradient
from sevenconditions.rules import Unwritten
from sevenconditions.sketch import LARGEST, sketch, written

# What numbers are made of, the simplest first. A weight of 0 is a connection that is not there.
_SIMPLE = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 0.25, -0.25, 0.75, -0.75)
_DRAWN = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)
_DRAWN_ABOVE = (-0.5, -0.25, 0.25, 0.5)  # in loops, where they are loops, that settle mostly
# Near a bifurcation a gradient has no bound, and rules differ there by their rounding; a layer with
# hardly any gradient has nothing to be wrong about.
_LEAST, _LARGEST = 1 / 16, 16.0


class Margin(NamedTuple):
    """When a rule fails: where a layer's estimate is turned, or off, by more than this.

    Parameters
    ----------
    angle_deg : float
    relative_error : float      numpy.inf asks for the direction alone.
    """

    angle_deg: float = 10.0
    relative_error: float = 0.1


MARGIN = Margin()
UNITS = (("linear", "linear"), ("tanh", "linear"))


@dataclass(frozen=True, eq=False)
class Witness:
    """A network on which a rule fails; prints what it says there, and what the gradient is.

    Parameters
    ----------
    name : str                  Of the rule.
    against : str               The true gradient: "backprop" or "equilibrium".
    net : Network
    x, y : ndarray, shape (samples, n_0), (samples, n_L)
    update, gradient : Gradient or None     What the rule says, and what is true; None where the
        rule raised an error.
    layer : int                 Index of the layer that is furthest off.
    angle_deg, relative_error : float       Of that layer; NaN where the rule raised an error.
    error : str                 What the rule raised.
    tried : tuple of (sizes, int)       How many networks of each size settled and were compared.
    simplified : int            How many simpler networks were tried after that.
    """

    name: str
    against: str
    net: Network
    x: np.ndarray
    y: np.ndarray
    update: Gradient | None
    gradient: Gradient | None
    layer: int
    angle_deg: float
    relative_error: float
    error: str = ""
    tried: tuple = ()
    simplified: int = 0

    @property
    def n_units(self):
        """How many units the network has, those of the input among them."""
        return sum(self.net.sizes)

    def sentence(self):
        """The witness in one sentence."""
        weights = " then ".join(written(w) for w in self.net.weights)
        given = f"weights {weights}, input {written(self.x)}, target {written(self.y)}"
        return f"On a network of {self._network()} with {given}, {self._said()}."

    def __str__(self):
        net, lines = self.net, [f"{self.name} fails on a network of {self._network()}"]
        for l in range(net.n_layers):
            parts = [("weights", net.weights[l]), ("bias", net.biases[l])]
            if l and not net.feedback_is_transposed:
                parts.insert(1, ("fed back by", net.feedback[l]))
            if net.lateral[l + 1] is not None:
                parts.append(("lateral", net.lateral[l + 1]))
            known = [f"{word} {written(a)}" for word, a in parts if word == "weights" or a.any()]
            lines.append(f"  layer {l + 1}: {', '.join(known)}")
        lines.append(f"  input {written(self.x)}, target {written(self.y)}")
        lines.append(f"  {self._said()}")
        if not self.error:
            off = f"{degrees(self.angle_deg)}, relative error {self.relative_error:.3g}"
            lines.append(f"  angle {off}")
        drawn = sum(count for _, count in self.tried)
        if drawn:
            lines.append(
                f"  found after {_counted(drawn, 'network')} of {_counted(len(self.tried), 'size')}"
                f", simplified in {_counted(self.simplified, 'trial')}"
            )
        return "\n".join(lines)

    def picture(self):
        """The network with its weights, and on those of the layer what is said and true, as HTML.

        Empty where the network has more units than a sketch can show.
        """
        if self.n_units > LARGEST:
            return ""
        compared = {} if self.error else {"layer": self.layer, "gradient": self.gradient}
        figure = sketch(self.net, self.x, self.y, update=self.update, **compared)
        said = self._said().replace("-", "\u2212")
        caption = "On the arrows: weights. " + (
            "" if self.error else "Below, orange: what the rule says of a weight; blue: what is so."
        )
        drawn = Figure(figure, f"{said[0].upper()}{said[1:]}", caption, self.sentence())
        return style_tag() + drawn.html()

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self, self)

    def _network(self):
        names = {phi.name for phi in self.net.phis}
        sizes = "-".join(map(str, self.net.sizes))
        return f"{self.n_units} units ({sizes}, {' and '.join(sorted(names))})"

    def _said(self):
        if self.error:
            return f"the rule raises {self.error}"
        true = {"backprop": "backprop", "equilibrium": "the gradient"}[self.against]
        mine, theirs = (written(g.weights[self.layer]) for g in (self.update, self.gradient))
        what = f"weights of layer {self.layer + 1}"
        if mine == theirs:
            mine, theirs = (written(g.biases[self.layer]) for g in (self.update, self.gradient))
            what = f"bias of layer {self.layer + 1}"
        return f"for the {what} the rule says {mine}, {true} says {theirs}"


def smallest_witness(
    rule,
    *,
    fails=MARGIN,
    against=None,
    max_units=6,
    tries=2,
    draws=(),
    units=UNITS,
    seed=0,
):
    """Search for the smallest network on which a rule fails, and make it simple.

    Sizes go from one input and one output up. Of each, networks are drawn: linear ones, then tanh,
    then two samples, with weights, inputs and targets from a handful of simple numbers.

    Parameters
    ----------
    rule : Recipe, entry of the zoo, `rules.Own`, or callable (net, x, y) -> Gradient
    fails : Margin
    against : {"backprop", "equilibrium"} or None       None takes the rule's own, else backprop.
    max_units : int >= 2        Of all layers, input and output among them.
    tries : int >= 1            Networks drawn of each size and kind.
    draws : collection of "feedback", "lateral"
        What is drawn beside the weights. Feedback is the transpose and lateral absent otherwise.
    units : sequence of (hidden, output)        Activations to try, the simplest first.
    seed : int                  The same seed finds the same witness.

    Returns
    -------
    Witness or None             None where no network that was tried fails.

    Raises
    ------
    ValueError
        If a setting is out of range.
    rules.Unwritten
        If the rule returns nothing.

    Breaks when
    -----------
    A rule fails on rare networks alone: None says that the search found none, not that none is.

    Examples
    --------
    >>> from sevenconditions.zoo import ZOO
    >>> print(smallest_witness(ZOO["hebbian"]))
    hebbian fails on a network of 2 units (1-1, linear)
      layer 1: weights 1
      input 1, target 0
      for the weights of layer 1 the rule says -1, backprop says 1
      angle 180.0 deg, relative error 2
      found after 1 network of 1 size, simplified in 7 trials
    """
    max_units = checks.whole_number("max_units", max_units, at_least=2)
    tries = checks.whole_number("tries", tries, at_least=1)
    if unknown := sorted(set(draws) - {"feedback", "lateral"}):
        raise ValueError(f"draws: got {unknown}, expected some of 'feedback', 'lateral'")
    tried = []
    for number, sizes in enumerate(_sizes(max_units)):
        rng, compared = np.random.default_rng([seed, number]), 0
        for kind, _ in itertools.product(_kinds(sizes, units), range(tries)):
            case = _draw(sizes, *kind, draws, rng, getattr(rule, "prepare", None))
            judged = _judged(rule, case, against, fails)
            compared += judged is not None
            if judged and judged.fails(fails):
                tried.append((sizes, compared))
                case, trials = _shrunk(rule, case, judged, against, fails, units)
                return _witness(rule, case, against, fails, tuple(tried), trials)
        tried.append((sizes, compared))
    return None


def shrink(rule, net, x, y, *, fails=MARGIN, against=None):
    """Make a network on which a rule fails simpler, for as long as it still fails.

    Samples, units and layers are dropped, units made linear, and numbers rounded to simple ones.

    Parameters
    ----------
    rule, fails, against : as for `smallest_witness`
    net : Network
    x, y : array_like, shape (samples, n_0), (samples, n_L)

    Returns
    -------
    Witness

    Raises
    ------
    ValueError
        If the rule does not fail there.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> from sevenconditions.zoo import ZOO
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> shrink(ZOO["feedback_alignment"], net, [1.0, 0.0, 1.0], [0.0, 1.0]).net.sizes
    (1, 1, 1)
    """
    case = _Case(net, np.atleast_2d(np.asarray(x, float)), np.atleast_2d(np.asarray(y, float)))
    judged = _judged(rule, case, against, fails)
    if judged is None or not judged.fails(fails):
        raise ValueError("rule: it does not fail on this network, so there is nothing to shrink")
    case, trials = _shrunk(rule, case, judged, against, fails, UNITS)
    return _witness(rule, case, against, fails, (), trials)


class _Case(NamedTuple):
    net: Network
    x: np.ndarray
    y: np.ndarray


class _Judged(NamedTuple):
    update: Gradient | None
    gradient: Gradient | None
    layer: int = 0
    angle_deg: float = np.nan
    relative_error: float = np.nan
    error: str = ""

    def excess(self, margin):
        """How far off it is, in units of the margin."""
        parts = self.angle_deg / margin.angle_deg, self.relative_error / margin.relative_error
        return max(parts)

    def fails(self, margin):
        return bool(self.error) or self.excess(margin) > 1


def _judged(rule, case, against, margin):
    """The rule and the truth on one network, in the worst layer; None where there is no truth."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            true = reference(*case, rule, against)
            if not np.abs(true.flat()).max() <= _LARGEST:
                return None
            update = estimate_gradient(*case, rule)
        except Unwritten:
            raise
        except (ConvergenceError, np.linalg.LinAlgError):  # no gradient, or no answer
            return None
        except Exception as reason:  # the rule is the reader's: whatever it raises is a failure
            return _Judged(None, None, error=f"{type(reason).__name__}: {reason}")
    layers = [l for l in range(case.net.n_layers) if _length(true.layer(l)) >= _LEAST]
    found = [_compared(l, update, true) for l in layers]
    return max(found, key=lambda each: each.excess(margin), default=_Judged(update, true))


def _compared(l, update, true):
    mine, theirs = update.layer(l), true.layer(l)
    is_something = _length(mine) > 1e-3 * _length(theirs)  # rounding has a direction too
    angle = float(angle_deg(mine, theirs)) if is_something else 90.0
    return _Judged(update, true, l, angle, float(relative_error(mine, theirs)))


def _length(gradient):
    return np.linalg.norm(gradient.flat())


def _witness(rule, case, against, margin, tried, trials):
    judged = _judged(rule, case, against, margin)
    against = against or getattr(rule, "against", "backprop")
    usual = described(rule) if isinstance(rule, Recipe) else type(rule).__name__
    name = getattr(rule, "name", getattr(rule, "__name__", usual))
    return Witness(name, against, *case, *judged, tried, trials)


# --- Drawing -------------------------------------------------------------------------------------


def _sizes(max_units):
    """All networks of up to so many units: fewest units first, then fewest layers."""
    for units in range(2, max_units + 1):
        for layers in range(2, units + 1):
            for cuts in itertools.combinations(range(1, units), layers - 1):
                yield tuple(np.diff((0, *cuts, units)).tolist())


def _kinds(sizes, units):
    """Activations and number of samples, the simplest first."""
    told_apart = units if len(sizes) > 2 else dict.fromkeys((out, out) for _, out in units)
    yield from ((*phis, 1) for phis in told_apart)
    yield *units[0], 2


def _draw(sizes, activation, output, n_samples, draws, rng, prepare):
    """A network of simple numbers, with inputs and targets."""
    pick = lambda *shape, of=_DRAWN: rng.choice(of, shape)
    pairs = list(zip(sizes[1:], sizes[:-1], strict=True))
    back = [None, *(pick(m, n) for n, m in pairs[1:])] if "feedback" in draws else None
    loops = [None, *(pick(n, n, of=(0.0, 0.0, 0.5, -0.5)) for n in sizes[1:])]
    net = Network(
        weights=[pick(n, m, of=_DRAWN_ABOVE if l else _DRAWN) for l, (n, m) in enumerate(pairs)],
        biases=[pick(n, of=(0.0, 0.5, -0.5)) for n in sizes[1:]],
        feedback=back,
        lateral=loops if "lateral" in draws else None,
        activation=activation,
        output=output,
    )
    net = prepare(net, rng) if prepare else net
    return _Case(net, pick(n_samples, sizes[0]), pick(n_samples, sizes[-1], of=(0.0, *_DRAWN)))


# --- Shrinking -----------------------------------------------------------------------------------


def _shrunk(rule, case, judged, against, margin, units):
    """The case with everything taken away that its failure does not need; how many were tried."""
    trials, wanted = 0, bool(judged.error)
    looking = True
    while looking:
        looking = False
        for simpler in _simpler(case, units):
            trials += 1
            found = _judged(rule, simpler, against, margin)
            if found and found.fails(margin) and bool(found.error) == wanted:
                case, looking = simpler, True
                break
    return case, trials


def _simpler(case, units):
    """Cases with one thing less: a sample, a unit, a layer, a bend, a crooked number."""
    net, x, y = case
    if len(x) > 1:
        for k in range(len(x)):
            yield _Case(net, np.delete(x, k, 0), np.delete(y, k, 0))
    for l, k in ((l, k) for l, n in enumerate(net.sizes) if n > 1 for k in range(n)):
        yield _without_unit(case, l, k)
    for l in range(1, net.n_layers):
        yield _without_layer(case, l)
    for name, known in zip(("activation", "output"), zip(*units, strict=True), strict=True):
        if getattr(net, name).name != "linear" and "linear" in known:
            yield _Case(net.replace(**{name: "linear"}), x, y)
    yield from _with_simpler_numbers(case)


def _without_unit(case, l, k):
    parts = _parts(case)
    if l < case.net.n_layers:
        parts["weights"][l] = np.delete(parts["weights"][l], k, 1)
    if l > 0:
        parts["weights"][l - 1] = np.delete(parts["weights"][l - 1], k, 0)
        parts["biases"][l - 1] = np.delete(parts["biases"][l - 1], k)
    if (back := parts["feedback"]) is not None:
        if 0 < l < case.net.n_layers:
            back[l] = np.delete(back[l], k, 0)
        if l > 1:
            back[l - 1] = np.delete(back[l - 1], k, 1)
    if parts["lateral"][l] is not None:
        parts["lateral"][l] = np.delete(np.delete(parts["lateral"][l], k, 0), k, 1)
    for name, here in (("x", 0), ("y", case.net.n_layers)):
        if l == here:
            parts[name][0] = np.delete(parts[name][0], k, 1)
    return _assembled(case.net, parts)


def _without_layer(case, l):
    """Hidden layer l taken out: what led through it leads past it."""
    parts = _parts(case)
    parts["weights"][l - 1 : l + 1] = [parts["weights"][l] @ parts["weights"][l - 1]]
    del parts["biases"][l - 1], parts["lateral"][l]
    if (back := parts["feedback"]) is not None:
        back[l - 1 : l + 1] = [None if l == 1 else back[l - 1] @ back[l]]
    return _assembled(case.net, parts)


def _with_simpler_numbers(case):
    for name, simple in _ORDERS.items():
        for i, array in enumerate(_parts(case)[name] or ()):
            for place in np.ndindex(array.shape) if array is not None else ():
                rank = simple.index(array[place]) if array[place] in simple else len(simple)
                for value in simple[:rank]:
                    parts = _parts(case)
                    parts[name][i][place] = value
                    simpler = _assembled(case.net, parts)
                    if _is_connected(simpler.net):
                        yield simpler


_ORDERS = {
    "biases": (0.0, *_SIMPLE),
    "lateral": (0.0, *_SIMPLE),
    "weights": (0.0, *_SIMPLE),
    "feedback": _SIMPLE,
    "x": _SIMPLE,
    "y": (0.0, *_SIMPLE),
}


def _is_connected(net):
    return all(w.any(axis=0).all() and w.any(axis=1).all() for w in net.weights)


def _parts(case):
    """The numbers of a case, as lists of arrays that may be written to."""
    net, copied = case.net, lambda part: None if part is None else part.copy()
    back = None if net.feedback_is_transposed else [copied(b) for b in net.feedback]
    return {
        "weights": [copied(w) for w in net.weights],
        "biases": [copied(b) for b in net.biases],
        "feedback": back,
        "lateral": [copied(a) for a in net.lateral],
        "x": [case.x.copy()],
        "y": [case.y.copy()],
    }


def _assembled(net, parts):
    arrays = {name: parts[name] for name in ("weights", "biases", "feedback", "lateral")}
    numbers = {"cancellation": net.cancellation, "feedback_gain": net.feedback_gain}
    made = Network(**arrays, activation=net.activation, output=net.output, **numbers)
    return _Case(made, parts["x"][0], parts["y"][0])


# --- Words ---------------------------------------------------------------------------------------


# Colours are those of the page, so that light and dark both read.
_CSS = """
.cell_output .text_html:has(.sc-witness){background:none!important;padding:0!important}
pre.sc-witness{background:none;color:inherit;border:0;padding:0;margin:.5rem 0;box-shadow:none;
white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9em;line-height:1.5}
.sc-witness span{display:block;padding-left:4ch;text-indent:-4ch}
"""


def shown(value):
    """What prints in lines, as HTML for a notebook.

    Examples
    --------
    >>> "a &lt; b" in shown("a < b")
    True
    """
    from html import escape  # not needed to import the library

    lines = "".join(f"<span>{escape(line)}</span>" for line in str(value).splitlines())
    return f'<style>{_CSS}</style><pre class="sc-witness">{lines}</pre>'


def _bundle(value, witness):
    """What a notebook shows of a witness, or of what holds one."""
    if output_mode() == "text":
        return {"text/plain": str(value)}
    return {"text/plain": str(value), "text/html": witness.picture() + shown(value)}


def _counted(number, word):
    return f"{number} {word}" + ("" if number == 1 else "s")


# --- One condition dropped -----------------------------------------------------------------------


class _Dropped(NamedTuple):
    recipe: Recipe
    how: str  # what is done instead
    fewest: str  # why fewer units cannot do
    draws: tuple = ()
    against: str = "backprop"


_NUDGE = 1e-5
_DROPPED = {
    "settling": _Dropped(
        ALL_HOLD._replace(settling=settlings.fixed_steps(1, dt=1.0)),
        "the nudged phase is read after one full step",
        "a layer that is nudged itself answers in its first step, to first order in the nudge",
    ),
    "energy": _Dropped(
        ALL_HOLD._replace(architecture=architecture.hopfield, energy=lateral_as_given),
        "lateral weights need not be symmetric",
        "a single unit has a Jacobian of one entry, and that is symmetric",
        draws=("lateral",),
        against="equilibrium",
    ),
    "phases": _Dropped(
        ALL_HOLD._replace(
            phases=phase_rooms.mismatched(2 * _NUDGE), nudging=nudgings.one_sided(_NUDGE)
        ),
        "one phase is read, and twice as much activity is left over as the nudge is strong",
        "no network is smaller than an input and an output",
    ),
    "feedback": _Dropped(
        ALL_HOLD._replace(feedback=feedback.as_given),
        "feedback weights are drawn apart from the forward ones",
        "without a hidden layer nothing is fed back",
        draws=("feedback",),
    ),
    "contrast": _Dropped(
        ALL_HOLD._replace(contrast=contrast.plain_hebbian),
        "activity times activity, with no contrast",
        "no network is smaller than an input and an output",
    ),
    "nudging": _Dropped(
        ALL_HOLD._replace(nudging=nudgings.one_sided(1.0)),
        "one nudge of strength 1",
        "no network is smaller than an input and an output",
    ),
    "architecture": _Dropped(
        ALL_HOLD._replace(architecture=architecture.hopfield),
        "nothing is cancelled, and the network's own rest is compared with backprop",
        "without a hidden layer nothing is fed back, and the rest is the forward pass",
    ),
}
VISIBLE = Margin(angle_deg=30.0, relative_error=0.4)


@dataclass(frozen=True, eq=False)
class Counterexample:
    """The smallest network found on which one condition is dropped and the equality breaks.

    Parameters
    ----------
    condition : str
    how : str                   What is done instead.
    fewest : str                Why fewer units cannot do.
    witness : Witness
    """

    condition: str
    how: str
    fewest: str
    witness: Witness

    def __str__(self):
        return f"{self.witness}\n  done instead: {self.how}\n  fewer units: {self.fewest}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return _bundle(self, self.witness)


def counterexample(condition, *, fails=VISIBLE, seed=0):
    """Drop one condition of the seven, and search for the smallest network that shows it.

    Parameters
    ----------
    condition : str             One of `recipe.CONDITIONS`.
    fails : Margin
    seed : int

    Returns
    -------
    Counterexample

    Raises
    ------
    ValueError
        If there is no such condition.

    Examples
    --------
    >>> print(counterexample("nudging").witness.sentence())
    On a network of 2 units (1-1, linear) with weights 1, input 1, target 0, for the weights of \
layer 1 the rule says 1/2, backprop says 1.
    """
    if condition not in _DROPPED:
        raise ValueError(f"condition: got {condition!r}, expected one of {', '.join(CONDITIONS)}")
    recipe, how, fewest, draws, against = _DROPPED[condition]
    found = smallest_witness(recipe, fails=fails, against=against, draws=draws, tries=4, seed=seed)
    named = replace(found, name=f"without {condition}, the rule")
    return Counterexample(condition, how, fewest, named)
