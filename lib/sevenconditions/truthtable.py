r"""The truth table of the seven conditions: all 128 ways to keep some of them and break the rest.

Each combination is a recipe in which the broken conditions are broken by their own dials
(`budget.violated`), all on one network and one task. It is measured at the start (how far its
update points from backprop, layer by layer) and trained (what the loss does).
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from sevenconditions import theorems
from sevenconditions.budget import violated
from sevenconditions.checks import ConvergenceError
from sevenconditions.dynamics import forward_pass
from sevenconditions.exact import backprop
from sevenconditions.gradient import angle_deg, norm_ratio
from sevenconditions.learning import Data, train
from sevenconditions.network import layered
from sevenconditions.recipe import CONDITIONS, estimate_gradient
from sevenconditions.zoo import ZOO, Kind

#: How far each dial is turned where its condition is broken, as a share of its range. That is to
#: the end, or, where this would bury all else, so far that it alone costs some tens of degrees.
STRENGTHS = {
    "settling": 1.0,
    "energy": 1.0,
    "phases": 0.2,
    "feedback": 0.7,
    "contrast": 0.5,
    "nudging": 1.0,
    "architecture": 1.0,
}
STEPS, LEARNING_RATE = 24, 0.2


class Problem(NamedTuple):
    """What all combinations are measured and trained on.

    Parameters
    ----------
    net : Network
    x, y : ndarray, shape (batch, n_0), (batch, n_L)
    """

    net: object
    x: np.ndarray
    y: np.ndarray


class Combination(NamedTuple):
    """One of the 128: what is broken, and what that does.

    Parameters
    ----------
    broken : tuple of str       In the order of the chapters.
    angle_deg : float           Of the whole update to backprop, before training.
    layers : tuple of float     The same for each layer, bottom-up, in degrees.
    norm_ratio : float          Length of the update over that of the gradient.
    loss : tuple of float       Of the feedforward network, before training and after each step;
                                it ends early where training diverges.
    nearest : str               The algorithm of the zoo whose broken conditions are most alike; ""
                                where none shares a broken condition.
    apart_deg : float           Between this update and that algorithm's, in degrees; NaN for none.

    Examples
    --------
    >>> Combination(("nudging",), 42.0, (4.0, 15.0, 51.0), 0.9, (3.2, 2.1), "", float("nan")).index
    32
    """

    broken: tuple
    angle_deg: float
    layers: tuple
    norm_ratio: float
    loss: tuple
    nearest: str
    apart_deg: float

    @property
    def index(self):
        """Its place in the table: bit k is set where condition k, from 0, is broken."""
        return sum(1 << k for k, name in enumerate(CONDITIONS) if name in self.broken)


def problem(seed=0):
    """The network of the switchboard, and a task: to imitate another network of its shape.

    Units 6-8-7-4, tanh below a linear output, loops of gain 0.4, 16 Gaussian inputs.

    Parameters
    ----------
    seed : int

    Returns
    -------
    Problem

    Examples
    --------
    >>> problem().net.sizes
    (6, 8, 7, 4)
    """
    rng = np.random.default_rng(seed)
    net, teacher = (layered((6, 8, 7, 4), gain=g, bias=0.1, rng=rng) for g in (0.4, 1.5))
    x = rng.standard_normal((16, 6))
    return Problem(net, x, forward_pass(teacher, x)[1][-1])


def broken_at(index):
    """The conditions that are broken at one place of the table.

    Parameters
    ----------
    index : int, 0 to 127

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If there is no such place.

    Examples
    --------
    >>> broken_at(0), broken_at(5)
    ((), ('settling', 'phases'))
    """
    if not (isinstance(index, int) and 0 <= index < 1 << len(CONDITIONS)):
        raise ValueError(f"index: got {index!r}, expected a whole number from 0 to 127")
    return tuple(name for k, name in enumerate(CONDITIONS) if index >> k & 1)


def combination(at, broken, algorithms=None):
    r"""Measure one combination at the start, train with it, and find the algorithm most like it.

    Alike means that the sets of broken conditions overlap: the algorithm with the largest

    .. math:: \frac{|A \cap B|}{|A \cup B|}

    where those of the algorithm are measured too, by `theorems.table` on the same network. Among
    equals it is the one whose update lies closest. Two empty sets are alike.

    Parameters
    ----------
    at : Problem
    broken : tuple of str       Names among `recipe.CONDITIONS`.
    algorithms : dict or None   What `algorithms_on` found there; None asks it.

    Returns
    -------
    Combination

    Raises
    ------
    ValueError
        If a name is unknown.

    Source
    ------
    Jaccard 1912, New Phytologist 11:37-50, for the overlap of two sets.

    Examples
    --------
    >>> found = combination(problem(), ("architecture",))
    >>> found.nearest, found.layers[0] > 1.0
    ('equilibrium_propagation_one_sided', True)
    """
    recipe = violated({name: STRENGTHS.get(name, 1.0) for name in broken}, seed=3)
    estimate = _estimate(*at, recipe, rng=np.random.default_rng(1))
    true = backprop(*at)
    algorithms = algorithms_on(at) if algorithms is None else algorithms
    nearest, apart = _most_alike(frozenset(broken), estimate, algorithms)
    return Combination(
        tuple(name for name in CONDITIONS if name in broken),
        float(angle_deg(estimate, true)),
        tuple(float(angle_deg(estimate.layer(i), true.layer(i))) for i in range(at.net.n_layers)),
        float(norm_ratio(estimate, true)),
        _loss(at, recipe),
        nearest,
        apart,
    )


@cache
def truth_table(seed=0):
    """All combinations on one problem, each at its `Combination.index`; computed once.

    Parameters
    ----------
    seed : int                  Of `problem`.

    Returns
    -------
    tuple of 128 Combination

    Examples
    --------
    >>> len(truth_table())
    128
    """
    at = problem(seed)
    algorithms = algorithms_on(at)
    return tuple(combination(at, broken_at(i), algorithms) for i in range(1 << len(CONDITIONS)))


def algorithms_on(at):
    """What each algorithm of the zoo that is no calculus lacks on a problem, and its update there.

    Parameters
    ----------
    at : Problem

    Returns
    -------
    dict of str to (frozenset of str, Gradient)

    Examples
    --------
    >>> sorted(algorithms_on(problem())["contrastive_hebbian"][0])
    ['architecture', 'nudging']
    """
    names = [name for name, entry in ZOO.items() if entry.kind is not Kind.REFERENCE]
    found = {}
    for row in theorems.table(*at, names).rows:
        entry = ZOO[row.name]
        net = theorems.measured_network(at.net, entry)
        found[row.name] = frozenset(row.lacks), _estimate(net, at.x, at.y, entry, rng=None)
    return found


def _estimate(net, x, y, recipe, *, rng):
    return estimate_gradient(net, x, y, recipe, allow_unsettled=True, rng=rng)


def _loss(at, recipe):
    """The course of the feedforward network's loss under full-batch steps."""
    settings = dict(epochs=STEPS, batch=len(at.x), learning_rate=LEARNING_RATE)
    quiet = dict(angles=False, progress=False, settled=False, estimate=_estimate)
    try:
        history = train(at.net, Data(at.x, at.y, at.x, at.y), recipe, **settings, **quiet)
    except ConvergenceError as stop:
        history = stop.history
    return tuple(history.loss.tolist())


def _most_alike(broken, estimate, algorithms):
    """Name of the algorithm, and degrees between the two updates."""

    def rank(name):
        lacks, update = algorithms[name]
        both, either = len(broken & lacks), len(broken | lacks)
        overlap = both / either if either else 1.0
        return overlap, -round(float(angle_deg(estimate, update)), 2)  # equal to rounding is equal

    nearest = max(algorithms, key=rank)
    overlap, nearness = rank(nearest)
    return (nearest, 0.0 - nearness) if overlap else ("", float("nan"))
