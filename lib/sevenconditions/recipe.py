"""A recipe: seven slots, one a condition, that together estimate a gradient.

The slots stand in the order of the chapters. Each is a plain function, or a small frozen value, so
a rule of your own takes part by being put in its slot:
``ALL_HOLD._replace(feedback=mine)``.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sevenconditions import architecture, contrast, dynamics, feedback, phases, settling
from sevenconditions import nudging as nudgings
from sevenconditions.checks import ConvergenceError
from sevenconditions.energy import conservative
from sevenconditions.equilibrium import Verdict
from sevenconditions.gradient import Gradient
from sevenconditions.network import Network, PhaseNetworks
from sevenconditions.response import refuse_repelling

CONDITIONS = ("settling", "energy", "phases", "feedback", "contrast", "nudging", "architecture")


class Recipe(NamedTuple):
    r"""What each of the seven conditions is met with. The defaults meet them all.

    Parameters
    ----------
    settling : callable
        ``(net, x, *, y, beta, start, current)`` -> Equilibrium; see `settling.rest`. beta is a
        number, or a column with one a sample.
    energy : callable           Network -> Network, or -> PhaseNetworks; see `energy.conservative`.
    phases : callable
        ``(networks, x, y, *, nudging, settle, rng)`` -> Phases; see `phases.two_phases`.
    feedback : callable         Network -> Network; see `feedback.transposed`.
    contrast : callable         Phases -> Gradient; see `contrast.contrastive_hebbian`.
    nudging : Nudging           See `nudging.centered`.
    architecture : callable     Network -> Network; see `architecture.matched`.

    Examples
    --------
    >>> Recipe()._fields == CONDITIONS
    True
    """

    settling: Callable = settling.rest(tol=1e-13)
    energy: Callable = conservative
    phases: Callable = phases.two_phases
    feedback: Callable = feedback.transposed
    contrast: Callable = contrast.contrastive_hebbian
    nudging: nudgings.Nudging = nudgings.centered(1e-5)
    architecture: Callable = architecture.matched


ALL_HOLD = Recipe()


def described(recipe):
    """A recipe in words: the slots in which it differs from `ALL_HOLD`.

    Examples
    --------
    >>> described(ALL_HOLD._replace(feedback=feedback.mixed(0.3)))
    'recipe(feedback=mixed(amount=0.3, seed=0))'
    """
    pairs = zip(recipe._fields, recipe, ALL_HOLD, strict=True)
    changed = [f"{name}={_setting(mine)}" for name, mine, usual in pairs if mine != usual]
    return f"recipe({', '.join(changed)})"


def _setting(value):
    """A slot's value in words that do not change from one run to the next."""
    if isinstance(value, nudgings.Nudging):
        return f"Nudging({', '.join(f'{beta:.3g}' for beta in value.betas)})"
    known = dict(getattr(value, "keywords", None) or getattr(value, "__dict__", {}))
    name = known.pop("name", None) or getattr(value, "func", value)
    name = name if isinstance(name, str) else getattr(name, "__name__", type(value).__name__)
    known = {k: v if isinstance(v, int | float | str) else _setting(v) for k, v in known.items()}
    numbers = [f"{k}={v}" for k, v in known.items() if v != "<lambda>"]
    return f"{name.lstrip('_')}({', '.join(numbers)})" if numbers else name.lstrip("_")


def take_phases(net, x, y, recipe=ALL_HOLD, *, allow_unsettled=False, rng=None):
    """Run a recipe up to its phases: what the rule of condition 5 will read.

    Parameters
    ----------
    net, x, y, recipe, allow_unsettled, rng : as for `estimate_gradient`

    Returns
    -------
    Phases

    Raises
    ------
    ConvergenceError, ValueError
        As `estimate_gradient`.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((2, 3, 2), rng=np.random.default_rng(0))
    >>> take_phases(net, [1.0, -1.0], [0.5, 0.0]).betas
    (-1e-05, 1e-05)
    """
    x, y, _ = dynamics.as_input(net, x, y)
    networks = prepared(net, recipe)
    read = recipe.phases(networks, x, y, nudging=recipe.nudging, settle=recipe.settling, rng=rng)
    if not isinstance(read, phases.Phases):
        raise ValueError(f"phases: it returned {type(read).__name__}, expected Phases")
    if not allow_unsettled:
        _refuse_unsettled(read)
        _refuse_repelling(networks, x, read)
    phases.check_digits(read)
    return read


def prepared(net, recipe):
    """The network that a recipe settles: architecture, then feedback, then energy.

    Returns
    -------
    PhaseNetworks

    Raises
    ------
    ValueError
        If a slot holds something else than it should, or returns something else.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> prepared(layered((2, 2), rng=np.random.default_rng(0)), ALL_HOLD).free.cancellation
    1.0
    """
    _refuse_wrong_slots(recipe)
    ready = net
    for name in ("architecture", "feedback", "energy"):
        try:
            ready = getattr(recipe, name)(ready)
        except TypeError as error:
            error.add_note(
                f"This came from the slot {name!r} of the recipe: it is called with a Network. "
                f"A factory must be called first, as in feedback.random()"
            )
            raise
        kinds = (Network, PhaseNetworks) if name == "energy" else Network
        if not isinstance(ready, kinds):
            raise ValueError(f"{name}: it returned {type(ready).__name__}, expected a Network")
    ready = ready if isinstance(ready, PhaseNetworks) else PhaseNetworks(ready, ready)
    if ready.free.sizes != net.sizes:
        raise ValueError(
            f"recipe: its network has sizes {ready.free.sizes}, expected {net.sizes}: the gradient "
            "belongs to the parameters of the network that was given"
        )
    return ready


def estimate_gradient(net, x, y, recipe=ALL_HOLD, *, allow_unsettled=False, rng=None):
    """Estimate +dC/dtheta, C the batch mean of ``1/2 |v_L - y|^2``: subtract it to learn.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    recipe : Recipe, an entry of the `zoo.ZOO`, or a function (net, x, y) -> Gradient
    allow_unsettled : bool      Use the phases as they are, even where they did not settle.
    rng : numpy.random.Generator or None        For recipes that read with noise.

    Returns
    -------
    Gradient

    Raises
    ------
    ConvergenceError
        If a phase did not settle, or rests at a fixed point that repels.
    ValueError
        If x, y or a setting do not fit.

    Examples
    --------
    >>> from sevenconditions import backprop, relative_error
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = [1.0, 0.0, 1.0], [0.0, 1.0]
    >>> bool(relative_error(estimate_gradient(net, x, y), backprop(net, x, y)) < 1e-6)
    True
    """
    if not isinstance(net, Network):
        raise ValueError(f"net: got {type(net).__name__}, expected a Network, as from layered(...)")
    rule = getattr(recipe, "estimate", recipe)
    if isinstance(rule, Recipe):
        read = take_phases(net, x, y, rule, allow_unsettled=allow_unsettled, rng=rng)
        return fitting(rule.contrast(read), net, allow_infinite=allow_unsettled)
    if not callable(rule):
        raise ValueError(
            f"recipe: got {rule!r}, expected a Recipe such as ALL_HOLD, an entry such as "
            "ZOO['backprop'], or a function of (net, x, y)"
        )
    x, y, _ = dynamics.as_input(net, x, y)
    return fitting(rule(net, x, y), net, allow_infinite=allow_unsettled)


def _refuse_wrong_slots(recipe):
    for name, value in zip(recipe._fields, recipe, strict=True):
        if name == "nudging":
            if not isinstance(value, nudgings.Nudging):
                raise ValueError(
                    f"nudging: got {value!r}, expected a Nudging such as nudging.centered(1e-3)"
                )
        elif not callable(value):
            raise ValueError(
                f"{name}: got {value!r}, expected a function such as {getattr(ALL_HOLD, name)!r}"
            )


def _refuse_unsettled(read):
    for state in read.states:
        if state.verdict is not Verdict.TRUNCATED and not state.converged:
            raise ConvergenceError(
                f"a phase with beta = {state.beta:.3g} did not settle: residual "
                f"{state.residual:.3g} after {state.n_steps} steps, wanted {state.tol:.3g} "
                f"({state.verdict.value}). Scale the weights or beta down, allow more steps, or "
                "let estimate_gradient use the phases as they are with allow_unsettled=True"
            )


def _refuse_repelling(networks, x, read):
    """A fixed point found by sweeps or Newton's method may repel; the dynamics would not stay."""
    net, free = networks.free, read.states[0]
    if len(read.states) == 1:  # the linear response has looked already, or needs no stability
        return
    # without lateral matrices the sweeps watch c < 1, and at c = 1 the only rest attracts
    unwatched = net.cancellation == 1.0 and any(a is not None for a in net.lateral)
    if free.verdict is Verdict.REPELS or unwatched or not net.is_symmetric:
        refuse_repelling(net, x, free.potentials)


def fitting(gradient, net, *, allow_infinite=False):
    """The gradient, if it has the shapes of the network's parameters and holds real numbers.

    Raises
    ------
    ValueError
        If a rule returned something else.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> fitting(Gradient((np.eye(1),), (2.0,)), layered((1, 1), rng=np.random.default_rng(0)))
    Traceback (most recent call last):
    ValueError: rule: got weights of shape (1, 1) and biases of shape (), expected a Gradient \
with weights of shape (1, 1) and biases of shape (1,)
    """
    parts = [getattr(gradient, name, None) for name in ("weights", "biases")]
    known = all(isinstance(part, tuple | list) for part in parts)
    got = _shapes(*parts) if known else f"a {type(gradient).__name__}"
    wanted = _shapes(net.weights, net.biases)
    if got != wanted:
        raise ValueError(f"rule: got {got}, expected a Gradient with {wanted}")
    gradient = Gradient(*(tuple(np.asarray(p) for p in part) for part in parts))
    kind = np.result_type(*gradient.weights, *gradient.biases)
    if kind.kind not in "fiu":
        raise ValueError(f"rule: got numbers of type {kind}, expected real ones")
    every = (*gradient.weights, *gradient.biases)
    if not (allow_infinite or all(np.isfinite(part).all() for part in every)):
        raise ValueError("rule: got NaN or infinite values, expected finite numbers")
    if net.dtype == np.float32:
        gradient = Gradient(*(tuple(p.astype(net.dtype) for p in part) for part in gradient))
    return gradient


def _shapes(weights, biases):
    first, second = (", ".join(str(np.shape(p)) for p in part) for part in (weights, biases))
    return f"weights of shape {first} and biases of shape {second}"
