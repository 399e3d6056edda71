"""A rule of your own, written as one place in the network sees it: a synapse, a hop, a circle.

A slot of a recipe takes records of a whole network. The functions here take less: a line about one
synapse, one hop of the error, or the products of three states; they return what `audit` takes.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sevenconditions import architecture, checks, dynamics, nudging, settling
from sevenconditions.gradient import Gradient
from sevenconditions.recipe import ALL_HOLD, Recipe


class Unwritten(ValueError):
    """A rule that returns None or ...: its line is not there yet."""


@dataclass(frozen=True)
class Own:
    """A rule of the reader's, usable wherever an entry of the zoo is.

    Parameters
    ----------
    name : str
    estimate : Recipe
    against : str               The gradient it aims at, "backprop" or the network's "equilibrium".
    """

    name: str
    estimate: Recipe
    against: str = "backprop"


def local(rule, *, cancellation=0.0, beta=1e-5, whole_layers=False):
    r"""A rule for one synapse, from what it sees there in the free and in the nudged state.

    The function takes some of these by name, and returns an estimate of dC/dw, to be subtracted:

    - ``pre_free``, ``pre_nudged``: the rate below, in each state;
    - ``post_free``, ``post_nudged``: the signal of the unit above, v - c phi(a): its rate at c = 0,
      its mismatch at c = 1;
    - ``beta``: how strong the nudge was; ``weight``: the synapse's own weight.

    Each comes as an array with one entry a synapse (and sample), so that a line of ordinary
    arithmetic is local by its form. A bias is a synapse whose rate below is 1.

    Parameters
    ----------
    rule : callable
    cancellation : float in [0, 1]
        c of the network that the rule is for. At 1 it aims at backprop, else at the gradient of
        the network's own equilibrium.
    beta : float, not 0         The one-sided nudge.
    whole_layers : bool
        The function takes vectors and returns the matrix of a layer, as `numpy.outer` does; then
        it may ask for ``potential`` and ``drive`` of the units above in the nudged state, too.

    Returns
    -------
    Own

    Raises
    ------
    ValueError
        If the rule asks for something that a synapse does not see, or, once it is used, returns
        something of another shape.

    Examples
    --------
    >>> from sevenconditions.audit import audit
    >>> from sevenconditions.network import layered
    >>> def mine(pre_free, post_free, pre_nudged, post_nudged, beta):
    ...     return (pre_free * post_free - pre_nudged * post_nudged) / beta
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> round(audit(net, [1.0, 0.0, 1.0], [0.0, 1.0], local(mine)).cosine, 6)
    1.0
    """
    own = architecture.cancelling(checks.number("cancellation", cancellation))
    return Own(
        _name(rule),
        ALL_HOLD._replace(
            architecture=own,
            nudging=nudging.one_sided(beta),
            contrast=_Synaptic(rule, _asked(rule, whole_layers), whole_layers),
        ),
        "backprop" if cancellation == 1.0 else "equilibrium",
    )


_SEEN = ("pre_free", "post_free", "pre_nudged", "post_nudged", "beta", "weight")
_SEEN_BY_LAYERS = (*_SEEN, "potential", "drive")


def _asked(rule, whole_layers):
    """The names that a rule asks for; all of them must be there for a synapse to see."""
    if not callable(rule):
        raise ValueError(f"rule: got {rule!r}, expected a function such as f(pre_free, post_free)")
    names = tuple(inspect.signature(rule).parameters)
    known = _SEEN_BY_LAYERS if whole_layers else _SEEN
    if unseen := [name for name in names if name not in known]:
        raise ValueError(
            f"{_name(rule)}: it asks for {', '.join(unseen)}; a synapse sees {', '.join(known)} "
            "and nothing else. The weights and errors of others are not there (condition 5). A "
            "rule that needs them is a function of (net, x, y) that returns a Gradient"
        )
    return names


@dataclass(frozen=True)
class _Synaptic:
    rule: Callable
    names: tuple
    whole_layers: bool

    def __call__(self, phases):
        if len(phases.nudged) != 1:
            raise ValueError(f"{_name(self.rule)}: got {len(phases.nudged)} nudges, expected 1")
        n_samples, weights, biases = len(phases.free.pre[0]), [], []
        for i in range(phases.net.n_layers):
            seen = _seen(phases, i)
            always_on = {"pre_free": np.ones((n_samples, 1)), "pre_nudged": np.ones((n_samples, 1))}
            bias = {**seen, **always_on, "weight": phases.net.biases[i][:, None]}
            scale = phases.net.metric[i]
            weights.append(scale * self._read(seen, phases.net.weights[i].shape))
            biases.append(scale * self._read(bias, (phases.net.sizes[i + 1], 1))[:, 0])
        return Gradient(tuple(weights), tuple(biases))

    def _read(self, seen, shape):
        """The rule's matrix for one layer, a mean over the samples."""
        if not self.whole_layers:
            wide = {name: _spread(name, seen[name], shape) for name in self.names}
            every = (len(seen["pre_free"]), *shape)
            return _fitting(self.rule(**wide), self.rule, every).mean(axis=0)
        each = []
        for k in range(len(seen["pre_free"])):
            mine = {n: seen[n] if n in ("beta", "weight") else seen[n][k] for n in self.names}
            each.append(_fitting(self.rule(**mine), self.rule, shape))
        return np.mean(each, axis=0)


def _seen(phases, i):
    free, nudged, state = phases.free, phases.nudged[0], phases.states[-1]
    below = nudged.pre[i]
    return {
        "pre_free": free.pre[i],
        "post_free": free.post[i],
        "pre_nudged": below,
        "post_nudged": nudged.post[i],
        "potential": state.potentials[i],
        "drive": below @ phases.net.weights[i].T + phases.net.biases[i],
        "beta": phases.betas[0],
        "weight": phases.net.weights[i],
    }


def _spread(name, value, shape):
    """A signal as an array with one entry a synapse, of the shape (samples, above, below)."""
    if name == "beta":
        return value
    if name == "weight":
        return np.array(value)
    value = value[:, None, :] if name.startswith("pre") else value[:, :, None]
    return np.broadcast_to(value, (len(value), *shape)).copy()


def _fitting(result, rule, shape):
    """What a rule returned, if it is written and has the shape of what it was given."""
    if result is None or result is ...:
        raise Unwritten(f"{_name(rule)}: it returns {result}; its line is not written yet")
    result = np.asarray(result, dtype=float)
    if result.shape not in ((), shape, shape[1:]):
        hint = "; write it for one synapse, with * for a product and no sum over others"
        raise ValueError(
            f"{_name(rule)}: it returned the shape {result.shape}, expected {shape}, that of what "
            f"it was given{hint if len(shape) == 3 else ''}"
        )
    if not np.isfinite(result).all():
        raise ValueError(f"{_name(rule)}: it returned NaN or infinity, expected finite numbers")
    return np.broadcast_to(result, shape)


def taken(rule):
    """A rule as `audit` takes it, whatever form it was written in.

    Parameters
    ----------
    rule : Recipe, entry of the zoo, callable (net, x, y) -> Gradient, or a rule as for `local`

    Returns
    -------
    the rule itself, or Own

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> taken(lambda pre_free, post_free: -pre_free * post_free).against
    'equilibrium'
    """
    if isinstance(rule, Recipe) or hasattr(rule, "estimate"):
        return rule
    if callable(rule):
        names = tuple(inspect.signature(rule).parameters)
        if len(names) == 3 and not set(names) & set(_SEEN):
            return rule
    return local(rule)


def by_hops(hop):
    """Backprop whose one hop is yours: what a layer's error becomes in the layer below.

    Parameters
    ----------
    hop : callable ``(delta_above, feedback, slope)`` -> delta
        For one sample: error above (n_{l+1},), feedback (n_l, n_{l+1}), slopes below (n_l,).

    Returns
    -------
    callable (net, x, y) -> Gradient

    Examples
    --------
    >>> from sevenconditions import backprop, relative_error
    >>> from sevenconditions.network import layered
    >>> mine = by_hops(lambda delta, feedback, slope: slope * (feedback @ delta))
    >>> net, x, y = layered((3, 4, 2), rng=np.random.default_rng(0)), np.eye(3), np.ones((3, 2))
    >>> bool(relative_error(mine(net, x, y), backprop(net, x, y)) < 1e-12)
    True
    """

    def backward(net, x, y):
        drives, rates = dynamics.forward_pass(net, x)
        slopes = [phi.derivative(a) for phi, a in zip(net.phis, drives, strict=True)]
        deltas = [slopes[-1] * (rates[-1] - y)]
        for feedback, slope in zip(net.feedback[:0:-1], slopes[-2::-1], strict=True):
            pairs = zip(deltas[0], slope, strict=True)
            lower = [_fitting(hop(d, feedback, s), hop, s.shape) for d, s in pairs]
            deltas.insert(0, np.stack(lower))
        below = (x, *rates[:-1])
        return Gradient(
            tuple(d.T @ v / len(x) for d, v in zip(deltas, below, strict=True)),
            tuple(d.mean(axis=0) for d in deltas),
        )

    backward.__name__ = _name(hop)
    return backward


def of_products(estimate, *, beta):
    """A rule that combines the local products at three states: pushed away, free, pushed towards.

    Parameters
    ----------
    estimate : callable ``(h_minus, h_free, h_plus, beta)`` -> array
        Each h holds the products at one state, one entry a parameter.
    beta : float > 0

    Returns
    -------
    Own

    Examples
    --------
    >>> mine = of_products(lambda h_minus, h_free, h_plus, beta: (h_minus - h_plus) / (2 * beta),
    ...                    beta=0.1)
    >>> mine.estimate.nudging.betas
    (-0.1, 0.1)
    """

    def contrasted(phases):
        reads = (phases.nudged[0], phases.free, phases.nudged[1])
        products = [dynamics.local_product(phases.net, read) for read in reads]
        parts = zip(*((*h.weights, *h.biases) for h in products), strict=True)
        mixed = [_fitting(estimate(*h, beta), estimate, h[0].shape) for h in parts]
        return Gradient(tuple(mixed[: phases.net.n_layers]), tuple(mixed[phases.net.n_layers :]))

    recipe = ALL_HOLD._replace(nudging=nudging.centered(beta), contrast=contrasted)
    return Own(_name(estimate), recipe)


def on_circle(weigh, *, beta, points):
    """Nudges on a full circle in the complex plane, with weights of yours.

    Parameters
    ----------
    weigh : callable ``(turn, beta)`` -> array      turn: the N powers of omega; a weight for each.
    beta : float > 0            Radius.
    points : int >= 2           N.

    Returns
    -------
    Own

    Raises
    ------
    Unwritten
        If weigh returns None or ...

    Examples
    --------
    >>> mine = on_circle(lambda turn, beta: -1 / (len(turn) * turn * beta), beta=0.5, points=4)
    >>> mine.estimate.nudging.order
    0
    """
    turn = np.exp(2j * np.pi * np.arange(points) / points)
    weights = weigh(turn, beta)
    if weights is None or weights is ...:
        raise Unwritten(f"{_name(weigh)}: it returns {weights}; its line is not written yet")
    weights = np.broadcast_to(np.asarray(weights, complex), turn.shape)
    nudges = nudging.Nudging(
        tuple(complex(b) for b in beta * turn), tuple(complex(w) for w in weights)
    )
    recipe = ALL_HOLD._replace(settling=settling.exact(), nudging=nudges)
    return Own(_name(weigh), recipe)


def _name(rule):
    return getattr(rule, "__name__", type(rule).__name__)
