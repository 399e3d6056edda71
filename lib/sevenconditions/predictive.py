r"""Predictive coding with the quadratic energy: when settling errors equal backprop, and when not.

Every layer predicts the next. The mismatch of rate and prediction is the error, and the rates
descend the sum of its squares:

.. math:: q_l = v_l - \varphi_l(a_l), \quad a_l = W_l v_{l-1} + b_l, \qquad
   E = \sum_l \gamma^{l-L}\,\tfrac12 |q_l|^2

.. math:: \tau\dot v_l = -q_l + \gamma B_{l+1} s_{l+1}, \qquad s_l = \varphi_l'(a_l)\,q_l, \qquad
   -\frac{\partial E}{\partial W_l} = \gamma^{l-L}\, s_l\, v_{l-1}^T

The lifted energy of `energy.energy` with c = 1 delivers the same errors to first order in q; beyond
that the two differ. Predictions are always subtracted in full here, whatever
``net.cancellation`` says; lateral connections belong to the lifted model only. All dimensionless.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.activations import ACTIVATIONS
from sevenconditions.checks import ConvergenceError
from sevenconditions.gradient import Gradient, cosine, norm_ratio


class PredictiveState(NamedTuple):
    """Rates and the errors of their predictions, each a tuple over the layers 1 to L.

    Parameters
    ----------
    rates : tuple of ndarray, shape (batch, n_l)            v_l.
    mismatches : tuple of ndarray, shape (batch, n_l)       q_l = v_l - phi_l(a_l).
    signals : tuple of ndarray, shape (batch, n_l)          What the local rule reads: phi_l' q_l.
    """

    rates: tuple
    mismatches: tuple
    signals: tuple


def zero_divergence(net, x, y, *, dt=1.0, late=0):
    r"""Clamp the output and read each layer at the step at which the error first reaches it.

    .. math:: v_L = y, \qquad
       v_l \leftarrow v_l + \mathrm{dt}\,(\gamma B_{l+1} s_{l+1} - q_l), \qquad
       \text{read } \gamma^{l-L} s_l\, v_{l-1}^T \text{ at step } L - l

    Until the error arrives a layer keeps the rates of the forward pass, so what it receives at that
    moment is the delta of backprop: no small nudge is needed, and no equilibrium is reached.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    dt : float > 0          In units of tau. Layer l comes out smaller by dt^(L-l).
    late : int >= 0         Steps by which every layer is read too late.

    Returns
    -------
    Gradient                Batch mean.

    Raises
    ------
    ValueError
        If x or y do not fit the network, or a number is out of range.

    Breaks when
    -----------
    dt is not 1, or a layer is read late: its own error has then begun to move it. With feedback
    other than the transposed weights it delivers the error of feedback alignment.

    Source
    ------
    Song, Lukasiewicz, Xu & Bogacz 2020, NeurIPS 33:22566-22579.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [w.item() for w in zero_divergence(net, [[3.0]], [[5.0]]).weights]
    [6.0, 3.0]
    """
    x, y, _ = dynamics.as_input(net, x, y, beta=1.0)
    dt = checks.number("dt", dt, above=0)
    late = checks.whole_number("late", late)
    rates = (*dynamics.forward_pass(net, x)[1][:-1], y)
    states = [_compare(net, x, rates)]
    for _ in range(net.n_layers - 1 + late):
        rest = _residual(net, states[-1].mismatches, states[-1].signals)
        rates = (*(v - dt * r for v, r in zip(rates, rest, strict=False)), y)
        states.append(_compare(net, x, rates))
    return _product(net, x, states[late:][: net.n_layers][::-1], over=-1.0)


def first_arrival(net, x, y, beta=1e-4):
    r"""The same schedule in the lifted model: exact only as the nudge goes to zero.

    .. math:: u \leftarrow u - R(u), \quad c = 1, \qquad
       \text{read } -\tfrac1\beta \gamma^{l-L} q_l\, v_{l-1}^T \text{ at step } L - l + 1

    The lifted rule reads a difference of rates, q, where `zero_divergence` multiplies by the slope
    phi': a finite difference needs a small nudge. The error is of order beta.

    Parameters
    ----------
    net : Network           Run with c = 1, as the free state must be the forward pass.
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    beta : float, not 0     Nudging strength.

    Returns
    -------
    Gradient                Batch mean.

    Raises
    ------
    ValueError
        If x or y do not fit the network, or beta is 0.

    Breaks when
    -----------
    beta is large, unless every unit is linear.

    Source
    ------
    The schedule: Song, Lukasiewicz, Xu & Bogacz 2020, NeurIPS 33:22566-22579. The model: this book.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [w.round(6).item() for w in first_arrival(net, [[3.0]], [[5.0]], beta=1.0).weights]
    [6.0, 3.0]
    """
    x, y, beta = _nudge(net, x, y, beta)
    states = _lifted_steps(net, x, y, beta, net.n_layers)
    return _product(net, x, states[:0:-1], over=-beta)


class Arrivals(NamedTuple):
    """How the gradient of each weight layer builds up, step by step.

    Parameters
    ----------
    norm_ratios : ndarray, shape (n_steps + 1, L)       Of estimate to reference; 0 before arrival.
    cosines : ndarray, shape (n_steps + 1, L)           NaN before the error arrives.
    """

    norm_ratios: np.ndarray
    cosines: np.ndarray


def arrivals(net, x, y, reference, *, beta=1e-4, n_steps=None):
    r"""Size and direction of every layer's estimate after each step of the lifted model (c = 1).

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    reference : Gradient        What to compare with: the gradient of backprop.
    beta : float, not 0
    n_steps : int >= 1 or None  None takes 2 L. The error reaches weight layer l at step L - l.

    Returns
    -------
    Arrivals

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is out of range.

    Breaks when
    -----------
    Read after arrival: steps of dt = 1 swing past the gradient. They come back to it where the
    weights are small, and swing ever wider where they are not.

    Source
    ------
    Reading at first arrival: Song, Lukasiewicz, Xu & Bogacz 2020, NeurIPS 33:22566-22579.

    Examples
    --------
    >>> from sevenconditions.exact import backprop
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> seen = arrivals(net, [[3.0]], [[5.0]], backprop(net, [[3.0]], [[5.0]]))
    >>> seen.norm_ratios.round(3).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.75], [0.75, 1.062], [1.062, 0.922]]
    """
    x, y, beta = _nudge(net, x, y, beta)
    shapes = [w.shape for w in net.weights]
    if [np.shape(w) for w in reference.weights] != shapes:
        raise ValueError(f"reference: got another network's gradient, expected weights {shapes}")
    n_steps = 2 * net.n_layers if n_steps is None else n_steps
    n_steps = checks.whole_number("n_steps", n_steps, at_least=1)
    states = _lifted_steps(net, x, y, beta, n_steps)
    estimates = [_product(net, x, [s] * net.n_layers, over=-beta) for s in states]

    def table(measure):
        layers = range(net.n_layers)
        return np.array(
            [[measure(e.layer(i), reference.layer(i)) for i in layers] for e in estimates]
        )

    return Arrivals(table(norm_ratio), table(cosine))


def fixed_prediction(net, x, y, *, dt=0.5, tol=1e-14, max_steps=2000):
    r"""Freeze predictions and slopes at the forward pass and let the errors settle.

    .. math:: \tau\dot q_l = -q_l + \gamma B_{l+1}\, \varphi_{l+1}'(a^0_{l+1})\, q_{l+1}, \qquad
       q_L = y - \varphi_L(a^0_L)

    The rates move but nobody predicts them anew, so the errors come to rest exactly where backprop
    puts them: it is the moving predictions that make `quadratic_predictive_coding` differ.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    dt : float in (0, 1]    In units of tau. With dt = 1 the errors arrive in L - 1 steps.
    tol : float > 0         On the largest residual, relative to the largest output error.
    max_steps : int >= 1

    Returns
    -------
    Gradient                Batch mean.

    Raises
    ------
    ValueError
        If x or y do not fit the network, or a number is out of range.
    ConvergenceError
        If the errors have not settled in max_steps.

    Breaks when
    -----------
    Predictions follow the rates: then it is the clamped phase of `quadratic_predictive_coding`.

    Source
    ------
    Millidge, Tschantz & Buckley 2022, Neural Comput. 34:1329-1368; Rosenbaum 2022, PLoS ONE
    17:e0266102. Before them: Whittington & Bogacz 2017, Neural Comput. 29:1229-1262.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [w.round(6).item() for w in fixed_prediction(net, [[3.0]], [[5.0]]).weights]
    [6.0, 3.0]
    """
    x, y, _ = dynamics.as_input(net, x, y, beta=1.0)
    dt = checks.number("dt", dt, above=0, at_most=1)
    tol = checks.number("tol", tol, above=0)
    max_steps = checks.whole_number("max_steps", max_steps, at_least=1)
    drives, rates = dynamics.forward_pass(net, x)
    slopes = _slopes(net, drives)
    mismatches = [np.zeros_like(v) for v in rates[:-1]] + [y - rates[-1]]
    wanted = checks.reachable(tol, net.dtype, 1.0) * np.abs(mismatches[-1]).max()
    for _ in range(max_steps + 1):
        signals = [d * q for d, q in zip(slopes, mismatches, strict=True)]
        rest = _residual(net, mismatches, signals)
        if _largest(rest, x).max() <= wanted:
            settled = PredictiveState(rates, mismatches, signals)
            return _product(net, x, [settled] * net.n_layers, over=-1.0)
        mismatches[:-1] = [q - dt * r for q, r in zip(mismatches, rest, strict=False)]
    raise ConvergenceError(
        f"the errors have not settled in {max_steps} steps at dt = {dt:g}: residual "
        f"{_largest(rest, x).max():.3g}, wanted {wanted:.3g}; raise max_steps, or dt (at most 1)"
    )


@dataclass(frozen=True)
class quadratic_predictive_coding:
    r"""Settle the quadratic energy under a nudge, or with the output clamped, and read every layer.

    .. math:: \hat g_l = -\frac1\beta\,\gamma^{l-L} s_l\, v_{l-1}^T
       \quad\text{where } E + \beta C \text{ is at rest}

    One phase suffices: the errors of the free phase are zero. With the output clamped the factor
    1/beta is left out, and shrinking the output error does not bring the gradient back: in the
    limit the output error of backprop comes multiplied by the inverse of `output_compliance`.

    A value: call it with (net, x, y) for a Gradient, the batch mean.

    Parameters
    ----------
    beta : float > -1 and not 0, or None        Nudging strength; None clamps the output.
    tol, max_steps : as for `predictive_equilibrium`

    Raises
    ------
    ValueError
        If a number is out of range; when called, if x or y do not fit the network.
    ConvergenceError
        When called, if no stable equilibrium is found.

    Breaks when
    -----------
    beta is large: the error is of order beta. Clamped, it is not of the order of anything small.

    Source
    ------
    Rao & Ballard 1999, Nat. Neurosci. 2:79-87; Whittington & Bogacz 2017, Neural Comput.
    29:1229-1262.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> for beta in (1e-6, 1.0, None):
    ...     estimate = quadratic_predictive_coding(beta)(net, [[3.0]], [[5.0]])
    ...     [w.round(4).item() for w in estimate.weights]
    [6.0, 3.0]
    [1.0, 0.4444]
    [1.2, 0.52]
    """

    beta: float | None = None
    tol: float = 1e-13
    max_steps: int = 200

    def __post_init__(self):
        """Refuse what cannot settle, before any data are seen."""
        _numbers(self.beta, self.tol, self.max_steps)

    def __call__(self, net, x, y):
        """Estimate dC/dtheta."""
        over = -1.0 if self.beta is None else -self.beta
        return _settled_product(net, x, y, self.beta, self.tol, self.max_steps, over)


@dataclass(frozen=True)
class centered_predictive_coding:
    r"""Two opposite nudges of the quadratic energy: the error falls as the square of beta.

    .. math:: \hat g_l = -\frac{1}{2\beta}\left[h_l(\beta) - h_l(-\beta)\right], \qquad
       h_l = \gamma^{l-L} s_l\, v_{l-1}^T

    A value: call it with (net, x, y) for a Gradient, the batch mean.

    Parameters
    ----------
    beta : float in (0, 1)
    tol, max_steps : as for `predictive_equilibrium`

    Raises
    ------
    ValueError
        If a number is out of range; when called, if x or y do not fit the network.
    ConvergenceError
        When called, if no stable equilibrium is found: beta may be past its critical value.

    Breaks when
    -----------
    beta exceeds 1 over the largest eigenvalue of `output_compliance`: the negative nudge then
    pushes the output away faster than the network can follow.

    Source
    ------
    Opposite nudges: Laborieux et al. 2021, Front. Neurosci. 15:633674.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> estimate = centered_predictive_coding(1e-3)(net, [[3.0]], [[5.0]])
    >>> [w.round(3).item() for w in estimate.weights]
    [6.0, 3.0]
    """

    beta: float
    tol: float = 1e-13
    max_steps: int = 200

    def __post_init__(self):
        """Refuse what cannot settle, before any data are seen."""
        if checks.number("beta", self.beta, above=0) >= 1.0:
            raise ValueError(
                f"beta: got {self.beta:g}, expected below 1: under the opposite nudge the output "
                "would run away"
            )
        _numbers(self.beta, self.tol, self.max_steps)

    def __call__(self, net, x, y):
        """Estimate dC/dtheta."""
        plus, minus = (
            _settled_product(net, x, y, beta, self.tol, self.max_steps, 1.0)
            for beta in (self.beta, -self.beta)
        )
        return minus.minus(plus, over=2.0 * self.beta)


def predictive_equilibrium(net, x, y, *, beta=None, tol=1e-13, max_steps=200):
    r"""Where the quadratic energy comes to rest under a nudge, or with the output clamped.

    .. math:: q_l = \gamma B_{l+1} s_{l+1} \ (l < L), \qquad q_L = w\,(y - \varphi_L(a_L)), \qquad
       w = \frac{\beta}{1 + \beta} \text{ or, clamped, } 1

    Found by implicit Euler steps of the dynamics whose length grows as the residual falls: the
    first follow the flow, the last are Newton's. The errors are the unknowns, not the rates, so
    that they keep their digits however small beta is.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    beta : float > -1 and not 0, or None        None clamps the output.
    tol : float > 0         On the largest residual, relative to the largest error of the sample.
    max_steps : int >= 1

    Returns
    -------
    PredictiveState

    Raises
    ------
    ValueError
        If x or y do not fit the network, or a number is out of range.
    ConvergenceError
        If it does not settle, or rests where the dynamics would leave.

    Breaks when
    -----------
    Several equilibria exist (large weights and errors): it may find another one than short steps.

    Source
    ------
    Rao & Ballard 1999, Nat. Neurosci. 2:79-87; Whittington & Bogacz 2017, Neural Comput.
    29:1229-1262.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> rest = predictive_equilibrium(net, [[3.0]], [[5.0]])
    >>> [v.round(6).item() for v in rest.rates]
    [2.6, 5.0]
    """
    _numbers(beta, tol, max_steps)
    x, y, _ = dynamics.as_input(net, x, y, beta=1.0)
    if beta is not None and beta < 0:
        _refuse_past_critical(net, x, beta)
    weight = 1.0 if beta is None else beta / (1.0 + beta)
    dt, rounding = np.ones(len(x)), 32.0 * np.finfo(net.dtype).eps * abs(weight)
    hidden = tuple(np.zeros((len(x), n)) for n in net.sizes[1:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        drives, state = _inject(net, x, y, hidden, weight)
        for _ in range(max_steps + 1):
            rest = _residual(net, state.mismatches, state.signals)
            size = _largest(rest, x)
            wanted = tol * _largest(state.mismatches, x) + rounding * _largest(state.rates, x)
            if (size <= wanted).all():
                _refuse_unstable(net, x, drives, state, weight)
                return state
            if not (size <= 1e8 * (1.0 + np.abs(y).max())).all():
                break
            trial = _implicit_step(net, drives, state, rest, weight, dt)
            moved = _inject(net, x, y, trial, weight)[1]
            after = _largest(_residual(net, moved.mismatches, moved.signals), x)
            accepted, dt = _next_dt(dt, size, after)
            hidden = tuple(
                np.where(accepted[:, None], new, old)
                for new, old in zip(trial, hidden, strict=True)
            )
            drives, state = _inject(net, x, y, hidden, weight)
    worst = np.argmax(size - wanted)
    raise ConvergenceError(
        f"{int((~(size <= wanted)).sum())} of {len(x)} samples did not settle within {max_steps} "
        f"steps: residual {size[worst]:.3g}, wanted {wanted[worst]:.3g}; take a smaller beta or "
        "smaller weights, or raise max_steps or tol"
    )


def linear_predictive_coding(net, x, y, *, beta):
    r"""The estimate of a linear network under a nudge, in closed form: nothing has to settle.

    .. math:: (1 + \beta S)\,q_L = \beta\,(y - \hat y), \qquad q_l = \gamma B_{l+1} q_{l+1}, \qquad
       S = 1 + \sum_{l<L} \gamma^{L-l}\, W_L \cdots W_{l+1}\, B_{l+1} \cdots B_L

    With linear units both energies of predictive coding agree, and the free phase carries no
    mismatch. The rule reads :math:`-\gamma^{l-L} q_l v_{l-1}^T / \beta`.

    Parameters
    ----------
    net : Network               Of linear units, without lateral matrices.
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    beta : float > 0            Nudging strength.

    Returns
    -------
    Gradient                    Batch mean.

    Raises
    ------
    ValueError
        If a unit is not linear, a lateral matrix is there, or x, y or beta do not fit.

    Breaks when
    -----------
    beta is large: the output's error is softened by S, and the rates move.

    Source
    ------
    S: Innocenti et al. 2024, NeurIPS, arXiv:2408.11979 (the clamped case, gamma = 1).

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> [w.round(6).item() for w in
    ...  linear_predictive_coding(net, [[3.0]], [[5.0]], beta=1e-9).weights]
    [6.0, 3.0]
    """
    x, y, _ = dynamics.as_input(net, x, y)
    beta = checks.number("beta", beta, above=0)
    _refuse_what_is_not_linear(net)
    forward, below = [], x
    for weight, bias in zip(net.weights, net.biases, strict=True):
        below = below @ weight.T
        below += bias
        forward.append(below)
    softness, up, down = np.eye(net.sizes[-1], dtype=net.dtype), None, None
    for i in reversed(range(1, net.n_layers)):
        back = net.feedback_gain * net.feedback[i]
        up, down = (net.weights[i], back) if up is None else (up @ net.weights[i], back @ down)
        softness += up @ down
    stiff = np.eye(len(softness), dtype=net.dtype) + beta * softness
    carried = [np.linalg.solve(stiff, (beta * (y - forward[-1])).T).T]
    for i in reversed(range(1, net.n_layers)):
        carried.insert(0, net.feedback_gain * (carried[0] @ net.feedback[i].T))
    moved, rates = 0.0, [x]
    for i in range(net.n_layers - 1):
        moved = carried[i] + (moved @ net.weights[i].T if i else 0.0)
        rates.append(forward[i] + moved)
    posts = [(-m / (beta * len(x))) * q for m, q in zip(net.metric, carried, strict=True)]
    weights = tuple(q.T @ v for q, v in zip(posts, rates, strict=True))
    return Gradient(weights, tuple(q.sum(axis=0) for q in posts))


def output_compliance(net, x):
    r"""How far the output yields to a unit push: what the nudge leaves of the output error.

    .. math:: S = I + \sum_{l<L} \gamma^{L-l}\, J_{L\leftarrow l}\, F_{l\leftarrow L}, \qquad
       v_L - y = (I + \beta S)^{-1} (v_L^0 - y)

    with :math:`J_{L\leftarrow l} = \partial v_L/\partial v_l` of the forward pass and
    :math:`F_{l\leftarrow L} = B_{l+1} D_{l+1} \cdots B_L D_L`, D the slopes: the transposed J where
    feedback is the transposed weights. Exact for linear units; for others to first order in the
    output error. Clamped, the error delivered is :math:`S^{-1}(v_L^0 - y)`.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)

    Returns
    -------
    ndarray, shape (batch, n_L, n_L)
        With transposed feedback symmetric, and no eigenvalue is below 1.

    Raises
    ------
    ValueError
        If x does not fit the network.

    Source
    ------
    gamma = 1, clamped, linear: Innocenti, Achour, Singh & Buckley 2024, NeurIPS, arXiv:2408.11979.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0.0], [0.0]], activation="linear")
    >>> output_compliance(net, [[3.0]]).item()
    5.0
    """
    x, _, _ = dynamics.as_input(net, x)
    slopes = _slopes(net, dynamics.forward_pass(net, x)[0])
    identity = np.eye(net.sizes[-1])
    up = down = np.broadcast_to(identity, (len(x), *identity.shape))  # at l = L
    result = up.copy()
    for i in reversed(range(1, net.n_layers)):
        up = (up * slopes[i][:, None, :]) @ net.weights[i]  # dv_L/dv_i, (batch, n_L, n_i)
        down = net.feedback_gain * net.feedback[i] @ (slopes[i][:, :, None] * down)
        result += up @ down
    return result


def _refuse_what_is_not_linear(net):
    names = sorted({phi.name for phi in net.phis if phi is not ACTIVATIONS["linear"]})
    if names:
        raise ValueError(
            f"activation: got {', '.join(names)}, expected linear units only; for others there is "
            "predictive_equilibrium"
        )
    if any(a is not None for a in net.lateral):
        raise ValueError("lateral: got a matrix, expected None for every layer")


def _numbers(beta, tol, max_steps):
    """Validate what an equilibrium needs besides data."""
    if beta is not None and checks.number("beta", beta) == 0.0:
        raise ValueError("beta: got 0, expected a nudge different from 0, or None to clamp")
    if beta is not None and beta <= -1.0:
        raise ValueError(f"beta: got {beta:g}, expected above -1: the output would run away")
    checks.number("tol", tol, above=0)
    checks.whole_number("max_steps", max_steps, at_least=1)


def _nudge(net, x, y, beta):
    if checks.number("beta", beta) == 0.0:
        raise ValueError("beta: got 0, expected a nudge different from 0")
    return dynamics.as_input(net, x, y, beta)


def _slopes(net, drives):
    return tuple(phi.derivative(a) for phi, a in zip(net.phis, drives, strict=True))


def _compare(net, x, rates):
    """Mismatches and signals of given rates."""
    drives = dynamics.drives(net, x, rates)
    mismatches = tuple(v - phi(a) for phi, v, a in zip(net.phis, rates, drives, strict=True))
    slopes = _slopes(net, drives)
    return PredictiveState(
        rates, mismatches, tuple(d * q for d, q in zip(slopes, mismatches, strict=True))
    )


def _inject(net, x, y, hidden, weight):
    """Drives and state of the forward pass to which each hidden layer adds its own mismatch."""
    drives, rates, mismatches, below = [], [], [], x
    for i, (w, b, phi) in enumerate(zip(net.weights, net.biases, net.phis, strict=True)):
        drives.append(below @ w.T + b)
        predicted = phi(drives[-1])
        mismatches.append(hidden[i] if i < len(hidden) else weight * (y - predicted))
        below = predicted + mismatches[-1]
        rates.append(below)
    signals = tuple(d * q for d, q in zip(_slopes(net, drives), mismatches, strict=True))
    return drives, PredictiveState(tuple(rates), tuple(mismatches), signals)


def _residual(net, mismatches, signals):
    """What is left to settle in the hidden layers, q_l - gamma B_{l+1} s_{l+1}."""
    return tuple(
        mismatches[i] - net.feedback_gain * (signals[i + 1] @ net.feedback[i + 1].T)
        for i in range(net.n_layers - 1)
    )


def _largest(layers, x):
    """Largest absolute entry of each sample; 0 where there are no layers."""
    return np.max([np.zeros(len(x)), *(np.abs(part).max(axis=1) for part in layers)], axis=0)


def _next_dt(dt, before, after):
    """Which samples take their step, and the next dt: long where the residual falls fast."""
    accepted = (after <= 1.2 * before) | ((dt < 1e-3) & np.isfinite(after))
    growth = 1.2 * before / np.maximum(after, 1e-3 * before + np.finfo(float).tiny)
    return accepted, np.clip(dt * np.where(accepted, growth, 0.25), 1e-4, 1e12)


def _implicit_step(net, drives, state, rest, weight, dt):
    """Hidden mismatches after one implicit Euler step of the rates, (J + 1/dt) dv = -R."""
    local = _jacobian(net, drives, state.mismatches, weight)
    local += np.eye(local.shape[1]) / dt[:, None, None]
    step = np.linalg.solve(local, -np.concatenate(rest, axis=1)[:, :, None])[:, :, 0]
    steps = np.split(step, np.cumsum(net.sizes[1:-2]), axis=1)
    slopes = _slopes(net, drives)
    moved = [state.mismatches[0] + steps[0]]
    for i in range(1, len(steps)):  # dq = dv - phi' W dv_below
        predicted = slopes[i] * (steps[i - 1] @ net.weights[i].T)
        moved.append(state.mismatches[i] + steps[i] - predicted)
    return tuple(moved)


def _jacobian(net, drives, mismatches, weight):
    """dR/dv over the hidden layers, (batch, n, n); a layer's prediction bends with phi''."""
    edges = np.cumsum((0, *net.sizes[1:-1]))
    blocks = [slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True)]
    slopes = _slopes(net, drives)
    result = np.zeros((len(drives[0]), edges[-1], edges[-1])) + np.eye(edges[-1])
    for i, here in enumerate(blocks):
        above = blocks[i + 1] if i + 1 < len(blocks) else None
        back = net.feedback_gain * net.feedback[i + 1]
        # ds/da = phi'' q - phi' dphi/da; the output's own mismatch carries the weight w
        give = (weight if above is None else 1.0) * slopes[i + 1] ** 2
        give = give - _bend(net.phis[i + 1], drives[i + 1]) * mismatches[i + 1]
        result[:, here, here] += back @ (give[:, :, None] * net.weights[i + 1])
        if above is not None:
            result[:, here, above] -= back * slopes[i + 1][:, None, :]
            result[:, above, here] -= slopes[i + 1][:, :, None] * net.weights[i + 1]
    return result


def _bend(phi, a, step=1e-5):
    """phi'' by central differences: it steers the solver, the residual alone decides."""
    return (phi.derivative(a + step) - phi.derivative(a - step)) / (2.0 * step)


def _refuse_past_critical(net, x, beta):
    """Raise where a negative nudge outruns the network: it would settle, but far away."""
    yields = np.linalg.eigvals(output_compliance(net, x)).real.max()
    if yields > 0 and beta * yields <= -1.0:
        raise ConvergenceError(
            f"beta: got {beta:g}, at or below the critical value {-1.0 / yields:.3g} of this "
            "network; keep well above it, as large output errors bring it nearer"
        )


def _refuse_unstable(net, x, drives, state, weight):
    """Raise unless small deviations die out; with transposed feedback: unless E is at a minimum."""
    if net.n_layers == 1:
        return
    local = _jacobian(net, drives, state.mismatches, weight)
    scaled = np.repeat(net.metric[:-1], net.sizes[1:-1])[:, None] * local
    try:
        np.linalg.cholesky(scaled + scaled.transpose(0, 2, 1))
    except np.linalg.LinAlgError:
        lowest = np.linalg.eigvals(local).real.min(axis=1)
        if (lowest <= 0).any():
            raise ConvergenceError(
                f"{int((lowest <= 0).sum())} of {len(x)} samples rest where the dynamics would "
                f"leave (smallest real part of an eigenvalue {lowest.min():.3g}, expected above "
                "0): take smaller weights, a smaller beta, or feedback closer to the transposed "
                "weights"
            ) from None


def _lifted_steps(net, x, y, beta, n_steps):
    """States of the lifted model from the free one on, by synchronous steps of dt = 1."""
    net = net.replace(cancellation=1.0)
    potentials, states = dynamics.forward_pass(net, x)[0], []
    for _ in range(n_steps + 1):
        rates = dynamics.rates(net, potentials)
        q = dynamics.mismatches(net, rates, dynamics.drives(net, x, rates))
        states.append(PredictiveState(rates, q, q))
        rest = dynamics.residual(net, x, potentials, y=y, beta=beta)
        potentials = tuple(u - r for u, r in zip(potentials, rest, strict=True))
    return states


def _settled_product(net, x, y, beta, tol, max_steps, over):
    state = predictive_equilibrium(net, x, y, beta=beta, tol=tol, max_steps=max_steps)
    x, _, _ = dynamics.as_input(net, x)
    return _product(net, x, [state] * net.n_layers, over=over)


def _product(net, x, states, *, over):
    """The local product of each weight layer, read from the state listed for it, over a number."""
    below = [x, *(state.rates[i] for i, state in enumerate(states[1:]))]
    scaled = [
        metric * state.signals[i] / (over * len(x))
        for i, (metric, state) in enumerate(zip(net.metric, states, strict=True))
    ]
    return Gradient(
        tuple(s.T @ v for s, v in zip(scaled, below, strict=True)),
        tuple(s.sum(axis=0) for s in scaled),
    )
