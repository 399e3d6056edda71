"""Condition 3, phases: a free and a nudged state, read as a difference (chapter 3).

A network may also read a single phase, in compartments where the error waits by itself. What was
read of every phase is a `Phases` record; the rule of condition 5 turns it into a gradient.
"""

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.checks import BasinWarning, PrecisionWarning
from sevenconditions.dynamics import Signals
from sevenconditions.equilibrium import Equilibrium, settle
from sevenconditions.network import Network, PhaseNetworks
from sevenconditions.response import (
    convergence_radius,
    critical_beta,
    linear_response,
)

# A complex step: the imaginary part of a product is then its derivative, exactly. Its square is
# nothing, and the step itself times any response is still a number that float32 can hold.
_TINY = 1e-20
# So far below the nudge where rounding meets bias, a float32 network refuses; states get a warning.
_REFUSED_ONE_SIDED, _REFUSED_OPPOSITE = 4.0, 5.0
_WARNED = 10.0
_NOTICEABLE = 1e-3  # nudges below this stay in the basin of the free phase


class Phases(NamedTuple):
    r"""What was read of each phase, and the weight with which its local product counts.

    Parameters
    ----------
    net : Network
    free : Signals                  Of the free phase.
    nudged : tuple of Signals       One for each nudge.
    betas : tuple of float or complex
    weights : tuple of float or complex
    free_weight : float
    states : tuple of Equilibrium   The free state and, where the network settled, the nudged ones.
    """

    net: Network
    free: Signals
    nudged: tuple
    betas: tuple
    weights: tuple
    free_weight: float
    states: tuple


def free_phase(net, x, **options):
    """Settle with the input clamped and the output free.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0) or (n_0,)
    options : as for `equilibrium.settle`: start, dt, max_steps, tol, record, quiet

    Returns
    -------
    Equilibrium

    Raises
    ------
    ValueError
        As `equilibrium.settle`.

    Source
    ------
    Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> from sevenconditions.network import Network, PhaseNetworks
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> free_phase(net, [1.0]).rates[-1].round(6).item()
    2.0
    """
    return settle(net, x, **options)


def nudged_phase(net, x, y, *, beta, start, **options):
    r"""Settle with the output drawn towards the target: :math:`R_L` gains :math:`\beta(v_L - y)`.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    y : array_like, shape (batch, n_L)
    beta : float, not 0             Nudging strength, dimensionless; may be negative.
    start : Equilibrium             The free phase: elsewhere another equilibrium may be found.
    options : as for `equilibrium.settle`

    Returns
    -------
    Equilibrium
        With a BasinWarning if it left the basin of the free phase, and with a PrecisionWarning if
        float32 cannot resolve the nudge.

    Raises
    ------
    ValueError
        If beta is 0, or as `equilibrium.settle`.

    Source
    ------
    Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> from sevenconditions.network import Network, PhaseNetworks
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> plus = nudged_phase(net, [1.0], [0.0], beta=1.0, start=free_phase(net, [1.0]))
    >>> plus.rates[-1].round(6).item()
    1.0
    """
    if checks.number("beta", beta) == 0.0:
        raise ValueError("beta: got 0, expected a nudge different from 0; use free_phase for 0")
    state = settle(net, x, y=y, beta=beta, start=start, **options)
    least = np.finfo(net.dtype).eps ** 0.5 / _REFUSED_ONE_SIDED
    if net.dtype == np.float32 and abs(beta) < least:
        warnings.warn(
            f"beta = {beta:.2g} is too small for float32 states: rounding, divided by beta, "
            f"outgrows the bias that beta leaves; try beta above {least:.1g}, or compute in "
            "float64, with net.astype(np.float64)",
            PrecisionWarning,
            stacklevel=2,
        )
    if isinstance(start, Equilibrium) and start.converged and state.converged:
        x, y, _ = dynamics.as_input(net, x, y)
        warn_of_jumps(net, x, y, start, [state], stacklevel=3)
    return state


def clamped_phase(net, x, y, *, start, **options):
    """Settle with the output's rate held at the target: the limit of an infinite nudge.

    Parameters
    ----------
    net, x, y, start, options : as for `nudged_phase`

    Returns
    -------
    Equilibrium             Its last rates are the target; its last potentials are their drive.

    Source
    ------
    Movellan 1991, Proc. 1990 Connectionist Models Summer School.

    Examples
    --------
    >>> from sevenconditions.network import Network, PhaseNetworks
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> clamped_phase(net, [1.0], [0.5], start=free_phase(net, [1.0])).rates[-1].item()
    0.5
    """
    return settle(net, x, y=y, beta=np.inf, start=start, **options)


def two_phases(networks, x, y, *, nudging, settle, rng=None):
    """The setting that keeps condition 3: each nudged phase against the free one, or each other.

    A phases function has this signature and returns `Phases`; write your own to try another.

    Parameters
    ----------
    networks : PhaseNetworks
    x, y : ndarray, shape (batch, n_0), (batch, n_L)
    nudging : Nudging
    settle : callable       As described at `settling.rest`.
    rng : numpy.random.Generator or None        For phases that are read with noise.

    Returns
    -------
    Phases

    Examples
    --------
    >>> from sevenconditions import nudging, settling
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> read = two_phases(PhaseNetworks(net, net), np.array([[1.0]]), np.array([[0.0]]),
    ...                   nudging=nudging.one_sided(1.0), settle=settling.rest())
    >>> read.free.post[0].item(), read.nudged[0].post[0].round(9).item()
    (2.0, 1.0)
    """
    net = networks.free
    free = settle(net, x)
    if not isinstance(free, Equilibrium):
        kind = type(free).__name__
        raise ValueError(f"settling: it returned {kind}, expected an Equilibrium")
    if not nudging.betas:
        if getattr(settle, "stops_early", False):
            raise ValueError(
                "nudging: got the infinitesimal limit together with a fixed number of steps, "
                "expected a finite beta: the limit is computed, not settled"
            )
        return _limit(networks, x, y, free)
    nudged = _nudged_states(networks, x, y, free, nudging.betas, settle)
    if free.converged:
        warn_of_jumps(networks.nudged, x, y, free, nudged, stacklevel=5)
        if len(nudged) > 2 and np.iscomplexobj(np.array(nudging.betas)):
            warn_of_wide_circle(nudging.betas, nudged, stacklevel=5)
    read = [dynamics.signals(net, x, state.rates) for state in (free, *nudged)]
    return Phases(
        net,
        read[0],
        tuple(read[1:]),
        nudging.betas,
        nudging.weights,
        nudging.free_weight,
        (free, *nudged),
    )


def compartments(networks, x, y, *, nudging, settle, rng=None):
    """The other setting that keeps condition 3: the nudged phase alone, read in compartments.

    Legitimate where the free phase carries no mismatch, that is with full cancellation: then
    nothing has to be subtracted, and no second phase is needed.

    Parameters, returns : as for `two_phases`

    Breaks when
    -----------
    Cancellation is not complete: what is left of the activity is divided by beta.

    Source
    ------
    Sacramento, Costa, Bengio & Senn 2018, NeurIPS, arXiv:1810.11393.

    Examples
    --------
    >>> from sevenconditions import nudging, settling
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]], cancellation=1.0)
    >>> read = compartments(PhaseNetworks(net, net), np.array([[1.0]]), np.array([[0.0]]),
    ...                     nudging=nudging.one_sided(1.0), settle=settling.rest())
    >>> read.free_weight, read.nudged[0].post[0].round(9).item()
    (0.0, -1.0)
    """
    return two_phases(networks, x, y, nudging=nudging, settle=settle)._replace(free_weight=0.0)


def noisy(sigma, phases=two_phases):
    """A dial of condition 3: every phase is read with independent noise on the settled rates.

    Parameters
    ----------
    sigma : float >= 0      Standard deviation, in the units of a rate (dimensionless).
    phases : callable       How the phases are taken before they are read.

    The noise is drawn from the rng given to `recipe.estimate_gradient`; without one, each call
    draws the same noise.

    Returns
    -------
    callable, as `two_phases`

    Raises
    ------
    ValueError
        If sigma is negative, or the nudge is infinitesimal: no noise is small against that.

    Breaks when
    -----------
    sigma is not small against beta; `noise_to_signal` predicts the cost.

    Examples
    --------
    >>> noisy(0.1).sigma
    0.1
    """
    return _Noisy(checks.number("sigma", sigma, at_least=0), phases)


def overlapping(share, phases=two_phases):
    r"""A dial of condition 3: the windows of reading reach into the wrong phase by this share.

    Each window holds 1 - m of its own product and m of the other's, so a contrast shrinks by
    :math:`1 - 2m` and keeps its direction, until it turns round at one half.

    Parameters
    ----------
    share : float in [0, 1]     m.
    phases : callable           How the phases are taken.

    Returns
    -------
    callable, as `two_phases`

    Raises
    ------
    ValueError
        If share is out of range, or there are not two phases to mix.

    Examples
    --------
    >>> overlapping(0.25).share
    0.25
    """
    return _Overlapping(checks.number("share", share, at_least=0, at_most=1), phases)


def mismatched(shortfall, phases=compartments):
    """A dial of condition 3: cancellation falls short by this much, so activity leaks into errors.

    Parameters
    ----------
    shortfall : float in [0, 1]     delta: the cancellation becomes c - delta.
    phases : callable               How the phases are taken.

    Returns
    -------
    callable, as `two_phases`

    Breaks when
    -----------
    shortfall is not small against beta and a single phase is read.

    Examples
    --------
    >>> mismatched(0.01).shortfall
    0.01
    """
    return _Mismatched(checks.number("shortfall", shortfall, at_least=0, at_most=1), phases)


def noise_to_signal(net, x, free, *, sigma, nudging, signal, free_weight=None):
    r"""Noise energy over signal energy of an estimate: the measure of condition 3.

    .. math:: d_3 = \frac{\sigma^2 \sum_k (\mathrm{Re}\,w_k)^2}{N^2\lVert g\rVert^2}
       \sum_{\text{samples},\,l} \gamma^{2(l-L)}\left[\left(n_l
       + c^2 [l>1] \lVert D_l W_l\rVert_F^2\right)|v_{l-1}|^2
       - 2c\,[l>1]\,q_l^T D_l W_l v_{l-1} + [l>1]\,n_{l-1}|q_l|^2\right]

    for the weights alone; each bias adds the bracket's first factor. Exact to first order in sigma.
    The noise is independent of the gradient, so :math:`\cos = 1/\sqrt{1 + d_3}`.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    free : Equilibrium
    sigma : float               Noise on each rate that is read.
    nudging : Nudging
    signal : float              Norm of the gradient estimate without noise.
    free_weight : float or None Weight of the free phase; None takes the nudging's.

    Returns
    -------
    float, dimensionless

    Examples
    --------
    >>> from sevenconditions import nudging
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> free = free_phase(net, [1.0])
    >>> round(noise_to_signal(net, [1.0], free, sigma=0.1, nudging=nudging.centered(0.1),
    ...                       signal=1.0), 6)
    1.0
    """
    x, _, _ = dynamics.as_input(net, x)
    rates, c = free.rates, net.cancellation
    layer_drives = dynamics.drives(net, x, rates)
    read = dynamics.signals(net, x, rates)
    total = 0.0
    for i, (n, phi, metric) in enumerate(zip(net.sizes[1:], net.phis, net.metric, strict=True)):
        post, pre = read.post[i], read.pre[i]
        size = (pre**2).sum(axis=1)
        own = np.full(len(x), float(n))  # noise of the mismatch itself
        if i:
            passed = c * phi.derivative(layer_drives[i])[:, :, None] * net.weights[i]
            own = own + (passed**2).sum(axis=(1, 2))
            total += metric**2 * net.sizes[i] * (post**2).sum()
            total -= 2.0 * metric**2 * np.einsum("bi,bij,bj->", post, passed, pre)
        total += metric**2 * (own * (size + 1.0)).sum()  # + 1: the bias
    first = nudging.free_weight if free_weight is None else free_weight
    amplification = _noise_gain(nudging, first)
    return float(sigma**2 * amplification * total / (len(x) * signal) ** 2)


def residue_to_signal(net, x, free, *, nudging, signal):
    r"""What a free phase that is not subtracted adds to an estimate: the other measure of phases.

    .. math:: r_{\text{free}} =
       \frac{\left|\mathrm{Re}\sum_k w_k\right|\,\lVert h(u^0)\rVert}{\lVert g\rVert}

    Zero where the free phase carries no mismatch (c = 1), or where opposite nudges subtract it.
    While it is small it predicts the relative error of `compartments`.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    free : Equilibrium
    nudging : Nudging
    signal : float              Norm of the gradient.

    Returns
    -------
    float, dimensionless

    Examples
    --------
    >>> from sevenconditions import nudging
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> [round(residue_to_signal(net.replace(cancellation=c), [1.0], free_phase(net, [1.0]),
    ...        nudging=nudging.one_sided(0.1), signal=1.0), 6) for c in (0.0, 1.0)]
    [28.284271, 0.0]
    """
    x, _, _ = dynamics.as_input(net, x)
    product = dynamics.local_product(net, dynamics.signals(net, x, free.rates))
    return float(abs(np.real(sum(nudging.weights))) * np.linalg.norm(product.flat()) / signal)


def warn_of_jumps(net, x, y, free, nudged, *, stacklevel=2):
    """Warn with BasinWarning where a nudged state is not the continuation of the free one.

    A network nudged too far, or beyond `response.critical_beta` with a negative nudge, settles as
    well as ever, but elsewhere. Only the first-order response tells.

    Parameters
    ----------
    net : Network
    x, y : ndarray, shape (batch, n_0), (batch, n_L)
    free : Equilibrium
    nudged : sequence of Equilibrium
    """
    real = [s for s in nudged if np.isrealobj(np.asarray(s.beta)) and np.isfinite(s.beta)]
    wide = [s for s in real if abs(s.beta) >= _NOTICEABLE]
    if not wide or (len(wide) == 2 and _answers_oppose(free, wide)):
        return
    first = linear_response(net, x, y, free, allow_unstable=True)
    slope = net.output.derivative(free.potentials[-1]) * first[-1]
    for state in wide:
        expected = state.beta * slope
        off = np.linalg.norm(state.rates[-1] - free.rates[-1] - expected, axis=1)
        far = off > np.maximum(np.linalg.norm(expected, axis=1), 1e3 * (state.tol + free.tol))
        if far.any():
            limit = critical_beta(net, x, free)
            warnings.warn(
                f"{int(far.sum())} of {len(x)} samples nudged by beta = {state.beta:g} settled "
                "more than twice as far from the free state as the first-order response, or on "
                "its other side: they may rest at another equilibrium. To first order a negative "
                f"nudge loses the equilibrium at -{limit:.3g}: try |beta| below {limit / 4:.2g}",
                BasinWarning,
                stacklevel=stacklevel,
            )


def warn_of_wide_circle(betas, nudged, *, stacklevel=2):
    """Warn with BasinWarning where complex nudges lie on a circle wider than first order reaches.

    Parameters
    ----------
    betas : sequence of complex         The upper half of a circle.
    nudged : sequence of Equilibrium    What settled under them.
    """
    radius = convergence_radius(betas, [state.rates[-1] for state in nudged])
    if radius < abs(betas[0]):
        warnings.warn(
            f"the circle |beta| = {abs(betas[0]):.3g} is wider than the radius of convergence, "
            f"about {radius:.2g} by the outputs on it: more points will not help, a smaller beta "
            "will",
            BasinWarning,
            stacklevel=stacklevel,
        )


def check_digits(phases):
    """Ask for a nudge that the digits of the states can resolve (condition 6).

    Rounding is divided by beta. It meets the bias of beta where beta is about
    :math:`\\epsilon^{1/2}` one-sided, :math:`\\epsilon^{1/3}` with opposite nudges. Some way below
    that a float32 network refuses; a float64 network whose states came in float32 gets a
    PrecisionWarning.

    Parameters
    ----------
    phases : Phases

    Raises
    ------
    ValueError
        If a nudge of a float32 network is below 8.6e-5 one-sided, 9.8e-4 with opposite nudges. Of
        feedback with a gain below 1 only what is left of the nudge at layer 1 counts.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((2, 3, 1), rng=np.random.default_rng(0), dtype=np.float32)
    >>> sc.estimate_gradient(net, [1.0, 0.0], [1.0])
    Traceback (most recent call last):
    ValueError: nudging: got beta = 1e-05 in a float32 network, expected 0.00098 or more: \
rounding, divided by beta, outgrows the bias that beta leaves. Nudge more, as in \
recipe._replace(nudging=nudging.centered(3e-3)), or compute in float64, with net.astype(np.float64)
    """
    kind = np.result_type(*(v.real.dtype for v in phases.states[0].rates))
    finite = [abs(b) for b in phases.betas if np.isfinite(b)]
    if finite and max(finite) <= _TINY:  # the complex step loses no digits
        return
    centered = phases.free_weight == 0.0 and len(finite) > 1
    meet = np.finfo(kind).eps ** (1.0 / 3.0 if centered else 1.0 / 2.0)
    if kind == phases.net.dtype == np.float32:
        least = meet / (_REFUSED_OPPOSITE if centered else _REFUSED_ONE_SIDED)
        _refuse_faint(phases, min(finite, default=1.0), least)
    elif finite and min(finite) < meet / _WARNED:
        warnings.warn(
            f"beta = {min(finite):.2g} is too small for {kind.name} states: rounding, divided by "
            f"beta, outgrows the bias that beta leaves; try beta above {meet / _WARNED:.1g}",
            PrecisionWarning,
            stacklevel=3,
        )


def _refuse_faint(phases, beta, least):
    """What weak feedback leaves of a nudge at layer 1 must stand out from float32 rounding."""
    gain = min(phases.net.feedback_gain, 1.0)
    left = beta * gain ** (phases.net.n_layers - 1)
    if left >= least:
        return
    better = "one_sided(3e-4)" if len(phases.betas) == 1 else "centered(3e-3)"
    if np.iscomplexobj(np.array(phases.betas)):
        better = "holomorphic(0.02, 8)"
    faint, instead = f"beta = {beta:.2g}", f"recipe._replace(nudging=nudging.{better})"
    if gain < 1.0:
        faint += f" with feedback gain {gain:g}, which leaves {left:.2g} of it at layer 1,"
        instead = f"{instead} with a feedback gain nearer 1"
    raise ValueError(
        f"nudging: got {faint} in a float32 network, expected {least:.2g} or more: rounding, "
        "divided by beta, outgrows the bias that beta leaves. Nudge more, as in "
        f"{instead}, or compute in float64, with net.astype(np.float64)"
    )


@dataclass(frozen=True)
class _Noisy:
    sigma: float
    phases: object

    def __call__(self, networks, x, y, *, nudging, settle, rng=None):
        if not nudging.betas and self.sigma > 0:
            raise ValueError(
                "nudging: got the infinitesimal limit together with noise, expected a finite beta: "
                "noise is divided by it"
            )
        read = self.phases(networks, x, y, nudging=nudging, settle=settle, rng=rng)
        if self.sigma == 0.0:
            return read
        rng = np.random.default_rng([0, 3]) if rng is None else rng  # no draw of the user's

        def heard(state):
            noise = (self.sigma * rng.standard_normal(v.shape) for v in state.rates)
            rates = [v + n.astype(v.real.dtype) for v, n in zip(state.rates, noise, strict=True)]
            return dynamics.signals(read.net, x, rates)

        first, *others = [heard(state) for state in read.states]
        return read._replace(free=first, nudged=tuple(others))


@dataclass(frozen=True)
class _Overlapping:
    share: float
    phases: object

    def __call__(self, networks, x, y, *, nudging, settle, rng=None):
        read = self.phases(networks, x, y, nudging=nudging, settle=settle, rng=rng)
        weights = (read.free_weight, *read.weights)
        used = [i for i, w in enumerate(weights) if w != 0.0]
        if len(used) != 2:
            raise ValueError(
                f"phases: got {len(used)} phases with a weight, expected 2: an overlap mixes the "
                "windows of two phases"
            )
        a, b = used
        mixed = list(weights)
        mixed[a] = (1.0 - self.share) * weights[a] + self.share * weights[b]
        mixed[b] = (1.0 - self.share) * weights[b] + self.share * weights[a]
        return read._replace(free_weight=mixed[0], weights=tuple(mixed[1:]))


@dataclass(frozen=True)
class _Mismatched:
    shortfall: float
    phases: object

    def __call__(self, networks, x, y, *, nudging, settle, rng=None):
        free, nudged = (
            n.replace(cancellation=max(n.cancellation - self.shortfall, 0.0)) for n in networks
        )
        # one network stays one: two objects would mean a repair
        short = PhaseNetworks(free, free if networks.nudged is networks.free else nudged)
        return self.phases(short, x, y, nudging=nudging, settle=settle, rng=rng)


def _nudged_states(networks, x, y, free, betas, settle):
    """One equilibrium a nudge; finite nudges settle together, as rows of one batch."""
    current = None
    if networks.nudged is not networks.free:
        # the constant current that keeps the free state at rest in the other network
        current = dynamics.residual(networks.nudged, x, free.potentials)
    if not np.isfinite(betas).all():
        return [settle(networks.nudged, x, y=y, beta=b, start=free, current=current) for b in betas]
    _refuse_kinks(networks.nudged, betas)
    k, n = len(betas), len(x)
    kind = np.result_type(*(np.asarray(b) for b in betas), float)
    column = np.repeat(np.array(betas, dtype=kind), n)[:, None]
    if getattr(getattr(settle, "func", settle), "takes_repeats", False):
        together = settle(
            networks.nudged, x, y=y, beta=column, start=free, current=current, repeats=k
        )
    else:
        together = settle(
            networks.nudged,
            np.tile(x, (k, 1)),
            y=np.tile(y, (k, 1)),
            beta=column,
            start=free.samples(np.tile(np.arange(n), k)),
            current=None if current is None else tuple(np.tile(i, (k, 1)) for i in current),
        )
    return [
        _one_nudge(together.samples(slice(i * n, (i + 1) * n)), beta)
        for i, beta in enumerate(betas)
    ]


def _refuse_kinks(net, betas):
    kinked = sorted({phi.name for phi in net.phis if not phi.analytic})
    if kinked and np.iscomplexobj(np.array(betas)):
        raise ValueError(
            f"activation: got {', '.join(kinked)}, which is not analytic, expected an analytic one "
            "such as tanh or logistic for complex nudges; or nudge with centered(beta)"
        )


def _one_nudge(state, beta):
    """A part of a batch, with its nudge as one number, and real where the nudge is."""
    kept = np.real if np.isrealobj(np.asarray(beta)) else np.asarray
    return Equilibrium(
        tuple(kept(u) for u in state.potentials),
        tuple(kept(v) for v in state.rates),
        state.residuals,
        state.verdict,
        state.dt,
        state.tol,
        beta,
    )


def _limit(networks, x, y, free):
    """beta -> 0: a nudged state that differs from the free one by a complex step."""
    net = networks.nudged
    response = linear_response(net, x, y, free)
    step = [(1j * _TINY * du).astype(checks.like(net.dtype, 1j)) for du in response]
    potentials = [u + du for u, du in zip(free.potentials, step, strict=True)]
    read = dynamics.signals(networks.free, x, dynamics.rates(networks.free, potentials))
    free_read = dynamics.signals(networks.free, x, free.rates)
    beta = 1j * _TINY
    return Phases(networks.free, free_read, (read,), (beta,), (-1.0 / beta,), 0.0, (free,))


def _answers_oppose(free, states):
    """Whether two opposite nudges moved the output to opposite sides, sample by sample."""
    moved = [s.rates[-1] - free.rates[-1] for s in states]
    odd, even = np.abs(moved[0] - moved[1]).max(axis=1), np.abs(moved[0] + moved[1]).max(axis=1)
    return bool((even <= 0.5 * odd + 1e3 * free.tol).all())


def _noise_gain(nudging, free_weight):
    # the noise is real, and so is what is kept of the sum
    return free_weight**2 + sum(np.real(w) ** 2 for w in nudging.weights)
