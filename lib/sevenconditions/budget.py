r"""When conditions partially hold: what each one costs, and what they cost together (chapter 8).

Seven conditions are measured one at a time, layer by layer; the cosine between the update of the
whole recipe and the true gradient is then predicted, without running the whole recipe. Nothing is
fitted. In layer l, condition k multiplies the part of the update along the true gradient by a gain
:math:`r_{kl}` and its length by :math:`\ell_{kl}`. It may also add what it writes even where there
is nothing to learn: :math:`a_{kl}` along the true gradient, :math:`c_{kl}` along what is learned,
and :math:`b_{kl}` at right angles to that. Then

.. math:: \cos = \frac{\sum_l n_l^2\left(\prod_k r_{kl} + \sum_k a_{kl}\right)}
   {\sqrt{\sum_l n_l^2}\,\sqrt{\sum_l n_l^2\left[\left(\prod_k \ell_{kl} + \sum_k c_{kl}\right)^2
   + \sum_k b_{kl}^2\right]}}

with :math:`n_l` the lengths of the true gradient: gains multiply, the cosines
:math:`r_{kl} / \ell_{kl}` of a layer multiply, and additions add.
"""

import copy
import warnings
from typing import NamedTuple

import numpy as np

from sevenconditions import architecture, checks, contrast, dynamics, feedback, phases, settling
from sevenconditions import nudging as nudgings
from sevenconditions.checks import ConvergenceError
from sevenconditions.energy import rotated
from sevenconditions.exact import backprop, recurrent_backprop
from sevenconditions.memory import Memory, same
from sevenconditions.network import layered
from sevenconditions.recipe import ALL_HOLD, CONDITIONS, prepared, take_phases

_HUGE = 1e8  # an update this many times the true gradient tells nothing
_READERS = ("phases", "contrast")  # they read, one after the other, what the others have added


class Cost(NamedTuple):
    r"""What one condition does to the update, layer by layer, in units of the true gradient.

    Parameters
    ----------
    condition : str
    gains : ndarray, shape (L,)
        Factor on the part of the update along the true gradient; 1 where the condition holds.
    lengths : ndarray, shape (L,)       Factor on the length of the update; 1 where it holds.
    along, ahead, beside : ndarray, shape (L,)
        What it writes where there is nothing to learn: its part along the true gradient, its part
        along what is learned where there is something to learn, and its part beside that.
    norms : ndarray, shape (L,)         Length of the true gradient of each layer.

    Examples
    --------
    >>> one = np.ones(1)
    >>> cost = Cost("feedback", 0.5 * one, one, 0.0 * one, 0.0 * one, 0.0 * one, one)
    >>> round(cost.angle_deg, 6), cost.turns.tolist()
    (60.0, [3.0])
    """

    condition: str
    gains: np.ndarray
    lengths: np.ndarray
    along: np.ndarray
    ahead: np.ndarray
    beside: np.ndarray
    norms: np.ndarray

    @property
    def turns(self):
        """tan^2 of the angle by which each layer is turned: infinite where nothing is left."""
        left = self.gains != 0.0
        ratio = np.divide(
            self.lengths, self.gains, out=np.full_like(self.gains, np.inf), where=left
        )
        return ratio**2 - 1.0

    @property
    def relative_error(self):
        """Distance to the true gradient, over its length, if this condition alone were broken."""
        projection, energy = _composed((self,))
        weight = self.norms**2
        off = np.maximum(energy - 2.0 * projection + 1.0, 0.0)
        return float(np.sqrt((weight * off).sum() / weight.sum()))

    @property
    def angle_deg(self):
        """The angle to the true gradient if this condition alone were broken, in degrees."""
        return float(np.degrees(np.arccos(predicted_cosine((self,)))))


def forward_gradient(net, x, y, recipe):
    """The truth that feedforward networks have: backprop, whatever the recipe.

    Parameters, returns : as `exact.backprop`

    Examples
    --------
    >>> net = layered((2, 2), rng=np.random.default_rng(0))
    >>> forward_gradient(net, [[1.0, 0.0]], [[0.0, 0.0]], ALL_HOLD).weights[0].shape
    (2, 2)
    """
    return backprop(net, x, y)


def equilibrium_gradient(net, x, y, recipe):
    """The truth of the network itself: the gradient of the equilibrium that a recipe settles to.

    Parameters, returns : as `exact.recurrent_backprop`

    Raises
    ------
    ConvergenceError
        If there is no equilibrium, or it repels.

    Examples
    --------
    >>> net = layered((2, 2), rng=np.random.default_rng(0))
    >>> equilibrium_gradient(net, [[1.0, 0.0]], [[0.0, 0.0]], ALL_HOLD).weights[0].shape
    (2, 2)
    """
    tied = getattr(recipe.contrast, "tied", True)
    return _own_gradient(prepared(net, recipe).free, x, y, tied)


def true_gradient(against, net, x, y, recipe, memory):
    """The truth of a recipe, ``against(net, x, y, recipe)``, remembered where it is known to be.

    Parameters
    ----------
    against : callable      `forward_gradient`, `equilibrium_gradient`, or one of your own.
    net, x, y, recipe : as for these
    memory : Memory

    Returns
    -------
    Gradient

    Raises
    ------
    ConvergenceError
        As `equilibrium_gradient`.

    Examples
    --------
    >>> net = layered((2, 2), rng=np.random.default_rng(0))
    >>> x, y, memory = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]), Memory()
    >>> first, second = (true_gradient(forward_gradient, net, x, y, ALL_HOLD, memory)
    ...                  for _ in range(2))
    >>> first is second
    True
    """
    if against is forward_gradient:
        return memory.once(backprop, net, x, y)
    if against is equilibrium_gradient:
        tied = getattr(recipe.contrast, "tied", True)
        return memory.once(_own_gradient, memory.networks(net, recipe).free, x, y, tied)
    return against(net, x, y, recipe)


def _own_gradient(settles, x, y, tied):
    free = settling.rest()(settles, x)  # the judge starts there, so that both mean one equilibrium
    return recurrent_backprop(settles, x, y, at=free if free.converged else None, tied=tied)


def condition_costs(net, x, y, recipe, *, against=forward_gradient, rng=None, memory=None):
    r"""Measure the seven conditions of a recipe one at a time (chapter 8).

    Architecture and nudging set the place: the network with all else as in `ALL_HOLD`. Each other
    condition is broken there by itself, and compared with the place. Every run is made twice, the
    second time with a target that the network already meets: what is written then is an addition.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    recipe : Recipe         Its slots may be functions of your own.
    against : callable      (net, x, y, recipe) -> Gradient: `forward_gradient` for the distance to
        backprop, `equilibrium_gradient` for that to the network's own gradient.
    rng : numpy.random.Generator or None
        For recipes that read with noise. Every run reads with the same noise; the generator that
        is passed does not move.
    memory : Memory or None
        What other audits of the same network have found already; None starts with nothing.

    Returns
    -------
    tuple of seven Cost, in the order of `recipe.CONDITIONS`
        NaN where a run diverged, where the place is no equilibrium that attracts, or where a layer
        has no gradient.

    Raises
    ------
    ValueError
        If x, y or a setting do not fit.

    Breaks when
    -----------
    Only together do two conditions leave the regime in which each was measured: an Euler step that
    is too long for one network and not for another, a jump of basin, a slow direction near
    criticality that another violation damps.

    Examples
    --------
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> half = ALL_HOLD._replace(feedback=feedback.mixed(0.5))
    >>> costs = condition_costs(net, [1.0, 0.0, 1.0], [0.0, 1.0], half)
    >>> [round(cost.angle_deg) for cost in costs]
    [0, 0, 0, 19, 0, 0, 0]
    """
    x, y, _ = dynamics.as_input(net, x, y)
    bench = _Bench(net, x, y, against, rng, Memory() if memory is None else memory)
    runs = runs_of(net, recipe, bench.memory)
    norms, found = bench.norms(recipe), {name: bench.read(run) for name, run in runs.items()}
    truth, at_limit, at_place = _nothing_lost(net), found["architecture"], found["nudging"]

    def cost(condition):
        if condition == "architecture":
            return _compared(condition, at_limit, truth, norms)
        before = at_limit if condition == "nudging" else at_place
        return _compared(condition, found.get(condition, at_place), before, norms)

    return tuple(cost(condition) for condition in CONDITIONS)


def tell_update(memory, net, x, y, recipe, read, update):
    """Let a memory know what a run has learned, so that nobody runs it again for its cost.

    Parameters
    ----------
    memory : Memory
    net : Network
    x, y : ndarray, shape (batch, n_0), (batch, n_L)
    recipe : Recipe         Told only if its phases draw nothing from a generator.
    read : Phases           Of this recipe.
    update : Gradient       What its rule made of them.

    Examples
    --------
    >>> net, x, y = layered((2, 2), rng=np.random.default_rng(0)), np.ones((1, 2)), np.ones((1, 2))
    >>> memory, read = Memory(), take_phases(net, x, y)
    >>> tell_update(memory, net, x, y, ALL_HOLD, read, ALL_HOLD.contrast(read))
    >>> memory.knows(tell_update, net, x, y, ALL_HOLD)
    True
    """
    if recipe.phases is ALL_HOLD.phases:
        target = np.real(read.states[0].rates[-1]).copy()
        memory.tell((update, target), tell_update, net, x, y, recipe)


def runs_of(net, recipe, memory):
    """The recipes that are run to tell what each condition of one costs.

    Parameters
    ----------
    net : Network
    recipe : Recipe
    memory : Memory

    Returns
    -------
    dict of str to Recipe
        Under "architecture" the limit of small nudges, under "nudging" the place, and for each
        other condition that is not met as in `ALL_HOLD` the place with it broken.

    Examples
    --------
    >>> net = layered((2, 2), rng=np.random.default_rng(0))
    >>> list(runs_of(net, ALL_HOLD._replace(feedback=feedback.mixed(0.5)), Memory()))
    ['architecture', 'nudging', 'feedback']
    """
    limit = ALL_HOLD._replace(architecture=recipe.architecture, nudging=nudgings.infinitesimal())
    runs = {"architecture": limit, "nudging": limit._replace(nudging=recipe.nudging)}
    for name in CONDITIONS:
        if name in runs or getattr(recipe, name) is getattr(ALL_HOLD, name):
            continue
        changes = {name: getattr(recipe, name)}
        if name == "feedback" and _is_repair(memory.networks(net, recipe)):
            changes["energy"] = recipe.energy  # a repair means something only beside what it mends
        runs[name] = runs["nudging"]._replace(**changes)
    return runs


def foreseen(net, x, y, recipe, memory):
    """What will be run to audit a recipe: network, inputs, targets and the recipe, each time.

    Parameters
    ----------
    net : Network
    x, y : ndarray, shape (batch, n_0), (batch, n_L)
    recipe : Recipe
    memory : Memory

    Returns
    -------
    list of (Network, ndarray, ndarray, Recipe)

    Examples
    --------
    >>> net = layered((2, 2), rng=np.random.default_rng(0))
    >>> x, y = np.zeros((1, 2)), np.ones((1, 2))
    >>> [target.tolist() for _, _, target, _ in foreseen(net, x, y, ALL_HOLD, Memory())]
    [[[1.0, 1.0]], [[0.0, 0.0]]]
    """
    costs = runs_of(net, recipe, memory).values()
    runs = [] if any(same(run, recipe) for run in costs) else [(net, x, y, recipe)]
    for run in costs:
        if run.nudging.betas:
            free = memory.ready(run, net).settling(memory.networks(net, run).free, x)
            met = np.real(free.rates[-1])
            runs += [(net, x, y, run), (net, x, met, run)]
    return runs


def predicted_cosine(costs):
    r"""Cosine between the update and the true gradient, from the costs of its conditions.

    The formula stands at the head of this module. For one broken condition it is what was measured.

    Parameters
    ----------
    costs : sequence of Cost

    Returns
    -------
    float                   NaN if a cost is.

    Examples
    --------
    >>> one = np.ones(1)
    >>> half = Cost("feedback", 0.5 * one, one, 0.0 * one, 0.0 * one, 0.0 * one, one)
    >>> predicted_cosine((half, half._replace(condition="energy")))
    0.25
    """
    projection, energy = _composed(costs)
    weight = costs[0].norms ** 2
    size = np.sqrt(weight.sum() * (weight * energy).sum())
    return _bounded((weight * projection).sum(), size)


def predicted_layer_cosines(costs):
    """The same for each layer by itself.

    Parameters
    ----------
    costs : sequence of Cost

    Returns
    -------
    ndarray, shape (L,)

    Examples
    --------
    >>> two = np.ones(2)
    >>> none = 0.0 * two
    >>> half = Cost("feedback", np.array([0.5, 1.0]), two, none, none, none, two)
    >>> predicted_layer_cosines((half, half)).tolist()
    [0.25, 1.0]
    """
    projection, energy = _composed(costs)
    return np.array([_bounded(p, np.sqrt(e)) for p, e in zip(projection, energy, strict=True)])


def violated(strengths, *, seed=0):
    r"""A recipe with some conditions broken, each by its own dial (chapter 8).

    At strength s: nudged phases of :math:`4 + 12\ln(1/s)` steps of 0.3; rotation 0.8 s; noise of
    0.6 s times beta; feedback mixed by 0.8 s; a share 0.4 s of plain Hebb; one nudge, beta = 0.5 s
    where broken and 1e-6 where not; cancellation 1 - 0.6 s.

    Parameters
    ----------
    strengths : mapping     Name of a condition -> strength, above 0 and up to 1; others hold.
    seed : int              Of what is drawn: the rotation and the random part of feedback.

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        If a name is unknown or a strength out of range.

    Examples
    --------
    >>> violated({"nudging": 0.2}).nudging.betas
    (0.1,)
    """
    for name, strength in strengths.items():
        if name not in CONDITIONS:
            raise ValueError(f"strengths: got {name!r}, expected names among {CONDITIONS}")
        checks.number(f"strengths[{name!r}]", strength, above=0, at_most=1)
    beta = 0.5 * strengths["nudging"] if "nudging" in strengths else 1e-6
    dials = {
        "settling": lambda s: settling.fixed_steps(round(4 - 12 * np.log(s)), dt=0.3),
        "energy": lambda s: rotated(0.8 * s, seed=seed),
        "phases": lambda s: phases.noisy(0.6 * s * beta),
        "feedback": lambda s: feedback.mixed(0.8 * s, seed=seed + 1),
        "contrast": lambda s: contrast.mixed_with_hebbian(0.4 * s),
        "architecture": lambda s: architecture.cancelling(1.0 - 0.6 * s),
    }
    slots = {name: dials[name](s) for name, s in strengths.items() if name in dials}
    return ALL_HOLD._replace(nudging=nudgings.one_sided(beta), **slots)


def random_violations(
    rng, *, n_layers=(2, 4), widths=(5, 11), gain=(0.4, 0.9), activation="tanh", n_samples=16
):
    """A random network, its data, and a recipe that breaks some conditions, by random amounts.

    Each condition is broken with probability 0.6, at a strength of `violated` that is log-uniform
    between 0.03 and 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_layers, widths : pair of int      Smallest and largest; input and output have widths too.
    gain : pair of float                Smallest and largest gain of `network.layered`.
    activation : str
    n_samples : int >= 1

    Returns
    -------
    net, x, y, recipe

    Examples
    --------
    >>> net, x, y, recipe = random_violations(np.random.default_rng(0))
    >>> len(x), len(y), recipe._fields == CONDITIONS
    (16, 16, True)
    """
    sizes = rng.integers(*widths, size=1 + rng.integers(*n_layers, endpoint=True), endpoint=True)
    net = layered(sizes.tolist(), gain=rng.uniform(*gain), bias=0.1, activation=activation, rng=rng)
    x, y = (rng.standard_normal((n_samples, n)) for n in (net.sizes[0], net.sizes[-1]))
    broken, strengths = rng.random(7) < 0.6, np.exp(rng.uniform(np.log(0.03), 0.0, 7))
    chosen = {k: s for k, s, on in zip(CONDITIONS, strengths, broken, strict=True) if on}
    return net, x, y, violated(chosen, seed=int(rng.integers(2**31)))


def pair_interactions(net, x, y, broken, *, rng=None):
    r"""How far two violations are from adding their errors, for each pair of conditions.

    .. math:: I_{kl} = \frac{|\Delta_{kl} - \Delta_k - \Delta_l|}{|\Delta_k + \Delta_l|}

    with :math:`\Delta` the update with these conditions broken minus the true gradient. It falls
    in proportion to the strength of the violations.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    broken : callable       Tuple of names -> the Recipe in which these conditions are broken.
    rng : numpy.random.Generator or None        Every run reads with the same noise.

    Returns
    -------
    ndarray, shape (7, 7), symmetric, with NaN on the diagonal

    Examples
    --------
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> strengths = lambda names: violated(dict.fromkeys(names, 0.01))
    >>> table = pair_interactions(net, [1.0, 0.0, 1.0], [0.0, 1.0], strengths)
    >>> bool(np.nanmax(table) < 0.1)
    True
    """
    x, y, _ = dynamics.as_input(net, x, y)
    bench, truth = _Bench(net, x, y, forward_gradient, rng, Memory()), backprop(net, x, y).flat()
    alone = [bench.update(broken((name,))).flat() - truth for name in CONDITIONS]
    table = np.full((7, 7), np.nan)
    for k, l in zip(*np.triu_indices(7, 1), strict=True):
        both = bench.update(broken((CONDITIONS[k], CONDITIONS[l]))).flat() - truth
        summed = alone[k] + alone[l]
        table[k, l] = table[l, k] = np.linalg.norm(both - summed) / np.linalg.norm(summed)
    return table


class _Reading(NamedTuple):
    """What a run learned and what it wrote anyway, over the true gradient; shape (L,) each."""

    projection: np.ndarray
    length: np.ndarray
    along: np.ndarray
    ahead: np.ndarray
    beside: np.ndarray


class _Bench(NamedTuple):
    """One problem, on which recipes are run."""

    net: object
    x: np.ndarray
    y: np.ndarray
    against: object
    rng: object
    memory: Memory

    def update(self, recipe):
        return recipe.contrast(self._phases(recipe, self.y))

    def _phases(self, recipe, y):
        draws = recipe.phases is not ALL_HOLD.phases
        rng, ready = copy.deepcopy(self.rng) if draws else None, self.memory.ready(recipe, self.net)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the whole recipe will say it, where it is so
            return take_phases(self.net, self.x, y, ready, allow_unsettled=True, rng=rng)

    def read(self, recipe):
        """What a run learned and what it wrote anyway, against the truth; NaN if it diverged."""
        if recipe.phases is not ALL_HOLD.phases:  # these may draw from the generator
            return self._read(recipe)
        question = (_Bench.read, self.net, self.x, self.y, self.against, recipe)
        found = self.memory.recall(*question)
        if found is None:
            found = self._read(recipe)
            self.memory.tell(found, *question)
        return found

    def _read(self, recipe):
        try:
            with np.errstate(all="ignore"):
                update, met = self._update(recipe)
                if not np.isfinite(met).all():
                    return _nothing_known(self.net)
                idle = recipe.contrast(self._phases(recipe, met))
                truth = true_gradient(self.against, self.net, self.x, self.y, recipe, self.memory)
                found = _measured(update.minus(idle), idle, truth)
        except (ConvergenceError, np.linalg.LinAlgError):
            return _nothing_known(self.net)
        usable = all((np.abs(part) < _HUGE).all() for part in found)
        return found if usable else _nothing_known(self.net)

    def _update(self, recipe):
        """The update of a run, and the target that would have left it nothing to learn."""
        known = self.memory.recall(tell_update, self.net, self.x, self.y, recipe)
        if known is not None:
            return known
        read = self._phases(recipe, self.y)
        return recipe.contrast(read), np.real(read.states[0].rates[-1])

    def norms(self, recipe):
        """Length of the true gradient of each layer, of the whole recipe's network."""
        try:
            return _lengths(
                true_gradient(self.against, self.net, self.x, self.y, recipe, self.memory)
            )
        except ConvergenceError:
            return np.full(self.net.n_layers, np.nan)


def _measured(learned, idle, truth):
    size, length = _lengths(truth), _lengths(learned)
    ahead = _dots(idle, learned) / np.where(length == 0.0, 1.0, length) / size
    return _Reading(
        _dots(learned, truth) / size**2,
        length / size,
        _dots(idle, truth) / size**2,
        ahead,
        np.sqrt(np.maximum(_dots(idle, idle) / size**2 - ahead**2, 0.0)),
    )


def _dots(first, second):
    return np.array(
        [first.layer(i).flat() @ second.layer(i).flat() for i in range(len(first.weights))]
    )


def _lengths(gradient):
    return np.sqrt(_dots(gradient, gradient))


def _nothing_lost(net):
    one = np.ones(net.n_layers)
    return _Reading(one, one, 0.0 * one, 0.0 * one, 0.0 * one)


def _nothing_known(net):
    return _Reading(*np.full((5, net.n_layers), np.nan))


def _compared(condition, reading, place, norms):
    """What a condition changes from the place where it was broken."""
    gains = _ratio(reading.projection, place.projection)
    lengths = _ratio(reading.length, place.length)
    # what was added before is still there, as far as this condition reads it
    kept = np.copysign(lengths, gains) if condition in _READERS else 1.0
    return Cost(
        condition,
        gains,
        lengths,
        reading.along - kept * place.along,
        reading.ahead - kept * place.ahead,
        np.sqrt(np.maximum(reading.beside**2 - (kept * place.beside) ** 2, 0.0)),
        norms,
    )


def _ratio(new, old):
    """new / old; 1 where both are zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((new == 0.0) & (old == 0.0), 1.0, new / old)


def _composed(costs):
    """Of each layer: projection of the update on the true gradient, and energy, over |g|^2."""
    gain, length = (np.prod([getattr(c, f) for c in costs], axis=0) for f in ("gains", "lengths"))
    by_name = {cost.condition: cost for cost in costs}
    added, beside = np.zeros((2, len(gain))), np.zeros(len(gain))
    for cost in costs:
        kept = np.ones_like(gain)
        after = _READERS.index(cost.condition) + 1 if cost.condition in _READERS else 0
        for reader in _READERS[after:]:
            if reader in by_name:
                kept = kept * np.copysign(by_name[reader].lengths, by_name[reader].gains)
        added = added + kept * np.array([cost.along, cost.ahead])
        beside = beside + (kept * cost.beside) ** 2
    projection = np.clip(gain, -length, length) + added[0]
    return projection, (length + added[1]) ** 2 + beside


def _bounded(product, size):
    return float(np.clip(product / size, -1.0, 1.0)) if size != 0.0 else float("nan")


def _is_repair(networks):
    return networks.nudged is not networks.free
