r"""Condition 3, phases: compartments where the error waits, in place of two phases (chapter 3).

Each code keeps prediction and error apart within one unit, and answers with a single settled state:

.. math:: a_l = W_l r_{l-1} + b_l, \qquad
   h_l = k\,B_{l+1}\,s_{l+1}, \qquad h_L = \beta\,(y - \varphi_L(a_L))

a is the basal drive, from below; h the apical drive, from above. A code is three functions of
:math:`(\varphi, a, h)`: the rate r that goes up, the error s that feedback carries down, and the
factor that the learning rule reads. Weights, biases and feedback are the network's; its
cancellation, feedback gain and lateral matrices belong to units of one compartment, and play no
part here. Everything is dimensionless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.activations import activation
from sevenconditions.gradient import Gradient

_STEPS = (1.0, 0.5, 0.25, 0.125)  # each tried in turn while the sweeps do not come to rest
_MAX_SWEEPS = 300  # at each step
_TOL = 1e-12  # on the last change of the basal drives, relative to the largest
_GROWTH = 1e6  # a change this many times the drives is a runaway


class Compartments(NamedTuple):
    """Where the two compartments of every unit came to rest: tuples over the layers 1 to L.

    Parameters
    ----------
    basal : tuple of ndarray, shape (batch, n_l)    a: what drives the unit from below.
    apical : tuple of ndarray, shape (batch, n_l)   h: what the layer above adds to that.
    n_sweeps : int                                  Sweeps up and down that it took.
    """

    basal: tuple
    apical: tuple
    n_sweeps: int


@dataclass(frozen=True)
class SpatialCode:
    r"""A rule that reads the error in a compartment of its own (condition 3): one settled state.

    .. math:: \hat g_l = -\frac{1}{\beta\,\alpha^{L-l}}\,
       \langle \mathrm{read}_l\, r_{l-1}^T \rangle, \qquad
       \hat g^b_l = -\frac{1}{\beta\,\alpha^{L-l}}\, \langle \mathrm{read}_l \rangle

    A code of your own needs the three functions and a nudge.

    Parameters
    ----------
    nudge : float > 0           beta, the strength of the teacher.
    rate : callable             (phi, a, h) -> r, what goes up.
    carried : callable          (phi, a, h) -> s, what feedback carries down.
    read : callable             (phi, a, h) -> postsynaptic factor of the learning rule.
    share : float > 0           k, the share of the apical input that reaches the unit.
    hop : float > 0             alpha, the known factor on the error at each hop down.
    rescale : bool              Whether the estimate is divided by it.

    Raises
    ------
    ValueError
        If nudge, share or hop is not a finite number above 0.

    Breaks when
    -----------
    The nudge is large, or the compartment holds anything but the error: that is divided by beta.

    Source
    ------
    Lillicrap, Santoro, Marris, Akerman & Hinton 2020, Nat. Rev. Neurosci. 21:335-346 (the idea);
    this common form is the book's own.

    Examples
    --------
    A carrier without any nonlinearity is backprop, whatever the nudge:

    >>> import sevenconditions as sc
    >>> def error(phi, a, h):
    ...     return phi.derivative(a) * h
    >>> code = SpatialCode(3.0, rate=lambda phi, a, h: phi(a), carried=error, read=error)
    >>> net = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones(3), np.zeros(2)
    >>> bool(sc.relative_error(code(net, x, y), sc.backprop(net, x, y)) < 1e-12)
    True
    """

    nudge: float
    rate: Callable
    carried: Callable
    read: Callable
    share: float = 1.0
    hop: float = 1.0
    rescale: bool = True

    def __post_init__(self):
        """Validate the numbers."""
        for name in ("nudge", "share", "hop"):
            object.__setattr__(self, name, checks.number(name, getattr(self, name), above=0.0))

    def __call__(self, net, x, y):
        """Estimate dC/dtheta from one settled state.

        Parameters
        ----------
        net : Network
        x, y : array_like, shape (batch, n_0), (batch, n_L)

        Returns
        -------
        Gradient                Batch mean: subtract it to learn.

        Raises
        ------
        ValueError
            If x or y do not fit the network.
        ConvergenceError
            If the compartments do not come to rest.
        """
        x, y, _ = dynamics.as_input(net, x, y, self.nudge)
        apical = self.settle(net, x, y).apical
        basal, below = _up(self, net, x, apical)
        reads = [
            self.read(phi, a, h) / -(self.nudge * self._divisor(net.n_layers - 1 - i) * len(x))
            for i, (phi, a, h) in enumerate(zip(net.phis, basal, apical, strict=True))
        ]
        return Gradient(
            tuple(q.T @ r for q, r in zip(reads, below, strict=True)),
            tuple(q.sum(axis=0) for q in reads),
        )

    def settle(self, net, x, y):
        """Sweep up with the errors held, down with the drives held, until neither changes.

        A full step to the new errors is taken; where that does not come to rest, a half, and so on.

        Returns
        -------
        Compartments

        Raises
        ------
        ValueError
            If x or y do not fit the network.
        ConvergenceError
            If no step comes to rest.

        Examples
        --------
        >>> from sevenconditions.network import Network
        >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
        >>> rest = dual_propagation(0.1).settle(net, [1.0], [3.0])
        >>> rest.basal[0].item(), round(rest.apical[0].item(), 6)
        (2.0, 0.1)
        """
        x, y, _ = dynamics.as_input(net, x, y, self.nudge)
        for step in _STEPS:
            state = _alternate(self, net, x, y, step)
            if state is not None:
                return state
        raise checks.ConvergenceError(
            f"the compartments did not come to rest: sweeps up and down at nudge {self.nudge:g} "
            f"still change the drives by more than {_TOL:g} of the largest, after {_MAX_SWEEPS} "
            f"of them or in a runaway, at every step from {_STEPS[0]:g} down to {_STEPS[-1]:g}. "
            "Lower the nudge, or scale the weights or the feedback down"
        )

    def attenuation(self, n_hops):
        """alpha^n: by how much the error has shrunk after n hops down from the output.

        Examples
        --------
        >>> round(conductance_microcircuit(0.01).attenuation(2), 4)
        0.0594
        """
        return self.hop ** checks.whole_number("n_hops", n_hops)

    def _divisor(self, n_hops):
        return self.attenuation(n_hops) if self.rescale else 1.0


def dual_propagation(beta):
    r"""Spatial code of condition 3 (chapter 3): two states a unit, one pulled each way.

    .. math:: v_l^\pm = \varphi_l\left(a_l \pm \tfrac12 h_l\right), \quad
       r_l = \tfrac12 (v_l^+ + v_l^-), \quad s_l = v_l^+ - v_l^-

    The mean goes up, the difference comes down, and the rule reads the difference: a centered
    nudge by :math:`\pm\beta/2` in space instead of time. Error of order beta^2; exact at every beta
    in a linear network.

    Parameters
    ----------
    beta : float > 0            Nudging strength; usable at 1.

    Returns
    -------
    SpatialCode                 (net, x, y) -> Gradient, an estimate of dC/dtheta.

    Raises
    ------
    ValueError
        If beta is not a finite number above 0.

    Breaks when
    -----------
    beta times the error bends phi: mean and slope are then those of the chord, not the point.

    Source
    ------
    Høier, Staudt & Zach 2023, Dual Propagation, arXiv:2302.01228; Høier & Zach 2024, ICML,
    arXiv:2402.08573. Here the output is pulled by the error of the prediction.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones(3), np.zeros(2)
    >>> bool(sc.relative_error(dual_propagation(1e-3)(net, x, y), sc.backprop(net, x, y)) < 1e-6)
    True
    """
    beta = checks.number("beta", beta, above=0.0)

    def mean(phi, a, h):
        return 0.5 * (phi(a + 0.5 * h) + phi(a - 0.5 * h))

    def difference(phi, a, h):
        return phi(a + 0.5 * h) - phi(a - 0.5 * h)

    return SpatialCode(beta, rate=mean, carried=difference, read=difference)


def burst_dependent(beta, baseline=0.5):
    r"""Spatial code of condition 3 (chapter 3): events go up, the share of bursts brings errors.

    .. math:: p_l = \sigma(\mathrm{logit}\,p_0 + h_l), \quad r_l = \varphi_l(a_l), \quad
       s_l = \frac{p_l - p_0}{p_0 (1 - p_0)}\,\varphi_l'(a_l)

    The apical drive moves the burst probability and leaves the event rate alone, so one sweep up
    and one down settle it. The curvature of sigma bends the message: error of order beta, but of
    order beta^2 at a baseline of 1/2, where :math:`\sigma'' = 0`: a centered nudge in disguise.

    Parameters
    ----------
    beta : float > 0            Nudging strength.
    baseline : float in (0, 1)  p_0, the burst probability without feedback.

    Returns
    -------
    SpatialCode                 (net, x, y) -> Gradient, an estimate of dC/dtheta.

    Raises
    ------
    ValueError
        If beta is not a finite number above 0, or baseline not strictly between 0 and 1.

    Breaks when
    -----------
    beta times the error leaves the straight part of sigma, at once if the baseline is not 1/2.

    Source
    ------
    After Payeur, Guerguiev, Zenke, Richards & Naud 2021, Nat. Neurosci. 24:1010-1019; rates
    without spikes, and the slope phi' in place of the event rate times a dendritic gain.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones(3), np.zeros(2)
    >>> bool(sc.relative_error(burst_dependent(1e-3)(net, x, y), sc.backprop(net, x, y)) < 1e-6)
    True
    """
    beta = checks.number("beta", beta, above=0.0)
    baseline = _below_one("baseline", checks.number("baseline", baseline, above=0.0))
    sigma = activation("logistic")
    rest = sigma.inverse(baseline)

    def event_rate(phi, a, h):
        return phi(a)

    def excess_bursts(phi, a, h):
        return (sigma(rest + h) - baseline) / sigma.derivative(rest) * phi.derivative(a)

    return SpatialCode(beta, rate=event_rate, carried=excess_bursts, read=excess_bursts)


def conductance_microcircuit(
    nudge,
    leak=0.1,
    basal=1.0,
    apical=0.8,
    interneuron_gain=None,
    calibration=1.0,
    rescale=True,
):
    r"""Spatial code of condition 3 (chapter 3): interneurons cancel what feedback should predict.

    A soma rests at the mean of leak, basal and apical potential, weighted by conductance; at the
    output the teacher stands where the apical dendrite is. With
    :math:`k_B = g_B/(g_{lk}+g_B+g_A)` and :math:`k_A = g_A/(g_{lk}+g_B+g_A)`,

    .. math:: u_l = k_B v^B_l + k_A v^A_l = a_l + h_l, \qquad u_L = (1-\lambda)\,a_L + \lambda y, \\
       v^A_l = B_{l+1}\left[\varphi(u_{l+1}) - \kappa\,\varphi(u^I_l)\right], \qquad
       u^I_l = (1-\lambda_I)\,a_{l+1} + \lambda_I\,u_{l+1}

    Basal weights are those that make :math:`k_B v^B_l = W_l r_{l-1} + b_l`, the network's own
    drive, and lateral weights let the interneuron predict it one layer up. (An output that is not
    linear is drawn by :math:`\lambda(y - \varphi_L(a_L))`.) At kappa = 1 the apical
    dendrite then rests at 0 without a teacher (self-prediction). With one, the interneuron follows
    the soma above part of the way, so to first order each hop keeps
    :math:`\alpha = k_A (1 - \lambda_I)` of the error. The rule reads
    :math:`\varphi(u_l) - \varphi(a_l)`: soma minus dendritic prediction.

    Parameters
    ----------
    nudge : float in (0, 1]     lambda, the teacher's share in the output's conductance.
    leak : float >= 0           Conductance, as the next two in units of the basal one by default.
    basal, apical : float > 0   Conductances of the two dendrites.
    interneuron_gain : float in [0, 1), or None
        lambda_I, the share of the soma above in the interneuron's conductance. None: interneurons
        have the conductances of pyramidal cells, the soma above takes the place of the apical
        dendrite, and lambda_I = k_A (0.421 at the default conductances, alpha 0.244).
    calibration : float >= 0
        kappa, how much of the prediction is cancelled: 1 is self-predicting, 0.98 is 2 % off.
    rescale : bool              Whether the known alpha^(L-l) is divided out.

    Returns
    -------
    SpatialCode                 (net, x, y) -> Gradient; `.attenuation(n_hops)` is alpha^n.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Breaks when
    -----------
    The calibration is off by as much as the nudge: feedback then carries uncancelled activity,
    and the rule divides that by lambda.

    Source
    ------
    After Sacramento, Costa, Bengio & Senn 2018, NeurIPS 31, arXiv:1810.11393: the steady state,
    with the scaling of basal and lateral weights absorbed in the network's.

    Examples
    --------
    >>> import sevenconditions as sc
    >>> net = sc.layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> x, y = np.ones(3), np.zeros(2)
    >>> circuit = conductance_microcircuit(1e-4)
    >>> bool(sc.relative_error(circuit(net, x, y), sc.backprop(net, x, y)) < 1e-3)
    True
    """
    nudge = checks.number("nudge", nudge, above=0.0, at_most=1.0)
    leak = checks.number("leak", leak, at_least=0.0)
    basal, apical = (
        checks.number(name, g, above=0.0) for name, g in (("basal", basal), ("apical", apical))
    )
    calibration = checks.number("calibration", calibration, at_least=0.0)
    share = apical / (leak + basal + apical)  # k_A
    follows = share if interneuron_gain is None else interneuron_gain  # lambda_I
    follows = checks.number("interneuron_gain", follows, at_least=0.0)
    follows = _below_one("interneuron_gain", follows)

    def soma(phi, a, h):
        return phi(a + h)

    def uncancelled(phi, a, h):
        return phi(a + h) - calibration * phi(a + follows * h)

    def unpredicted(phi, a, h):
        return phi(a + h) - phi(a)

    hop = share * (1.0 - follows)
    return SpatialCode(nudge, soma, uncancelled, unpredicted, share=share, hop=hop, rescale=rescale)


def _below_one(name, value):
    if value >= 1.0:
        raise ValueError(f"{name}: got {value!r}, expected a share below 1")
    return value


def _up(code, net, x, apical):
    """Basal drives of the layers 1 to L, and the rate that enters each of them from below."""
    basal, rates = [], [x]
    for weight, bias, phi, h in zip(net.weights, net.biases, net.phis, apical, strict=True):
        basal.append(rates[-1] @ weight.T + bias)
        rates.append(code.rate(phi, basal[-1], h))
    return tuple(basal), rates[:-1]


def _down(code, net, y, basal):
    """Apical drives of the layers 1 to L: the teacher at the output, feedback below it."""
    apical = [code.nudge * (y - net.output(basal[-1]))]
    for i in range(net.n_layers - 1, 0, -1):
        error = code.carried(net.phis[i], basal[i], apical[0])
        apical.insert(0, code.share * (error @ net.feedback[i].T))
    return tuple(apical)


def _alternate(code, net, x, y, step):
    """Sweeps up and down at a step; the Compartments at rest, or None."""
    apical = dynamics.silence(net, len(x))
    with np.errstate(over="ignore", invalid="ignore"):
        basal, _ = _up(code, net, x, apical)
        size = 1.0 + _largest(basal)
        for sweep in range(1, _MAX_SWEEPS + 1):
            wanted = _down(code, net, y, basal)
            apical = tuple(h + step * (w - h) for h, w in zip(apical, wanted, strict=True))
            before, (basal, _) = basal, _up(code, net, x, apical)
            change = _largest(b - a for b, a in zip(before, basal, strict=True))
            if change <= step * _TOL * (1.0 + _largest(basal)):
                return Compartments(basal, _down(code, net, y, basal), sweep)
            if not change <= _GROWTH * size:
                return None
    return None


def _largest(arrays):
    return max(np.abs(a).max() for a in arrays)
