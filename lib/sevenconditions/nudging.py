r"""Condition 6, nudging: beta -> 0, so that a finite response equals the derivative (chapter 6).

A nudging is a list of nudges with weights: the estimate is
:math:`\hat g = \mathrm{Re}\left[w_0\,h(u^0) + \sum_k w_k\,h(u^{\beta_k})\right]` with the local
product h. One-sided, its error falls as :math:`\beta`; centered as :math:`\beta^2`; with N points
on a circle as :math:`\beta^N`.
"""

from dataclasses import dataclass

import numpy as np

from sevenconditions import checks, dynamics, solvers

# This room's own thresholds; the phases warn where they are passed, so both stand a floor below.
from sevenconditions.response import convergence_radius as convergence_radius
from sevenconditions.response import critical_beta as critical_beta


@dataclass(frozen=True)
class Nudging:
    r"""Which nudges are applied, and with which weights their products are summed.

    Parameters
    ----------
    betas : tuple of float or complex   The nudges; none of them for the limit of small nudges.
    weights : tuple of float or complex         w_k, one for each nudge.
    free_weight : float                 w_0, of the free phase.
    order : float                       p of the error O(beta^p); 0 promises nothing.

    Raises
    ------
    ValueError
        If there are not as many weights as nudges, or a nudge is 0 or NaN.

    Examples
    --------
    >>> Nudging(betas=(0.5,), weights=(-2.0,), free_weight=2.0, order=1).span
    0.5
    """

    betas: tuple
    weights: tuple
    free_weight: float = 0.0
    order: float = 0

    def __post_init__(self):
        """Refuse a nudge of zero, and nudges without weights."""
        if len(self.betas) != len(self.weights):
            raise ValueError(f"weights: got {len(self.weights)}, expected {len(self.betas)}")
        for beta, weight in zip(self.betas, self.weights, strict=True):
            if checks.nudge("beta", beta, 1) == 0:
                raise ValueError("beta: got 0, expected a nudge different from 0")
            if not np.isfinite(checks.nudge("weight", weight, 1)):
                raise ValueError(f"weight: got {weight}, expected a finite number")

    @property
    def span(self):
        """What a difference is divided by, beta (one-sided) or 2 beta (centered)."""
        largest = max([abs(w) for w in self.weights], default=np.inf)
        return float(1.0 / largest)


def one_sided(beta):
    r"""Free phase and one nudge: :math:`[h(u^0) - h(u^\beta)]/\beta`, error O(beta).

    Parameters
    ----------
    beta : float, not 0         May be negative. Dimensionless.

    Returns
    -------
    Nudging

    Raises
    ------
    ValueError
        If beta is 0 or not a finite number.

    Breaks when
    -----------
    beta is large (bias) or tiny (the residual of the phases is divided by it): see `best_beta`.

    Source
    ------
    Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> one_sided(0.5).weights
    (-2.0,)
    """
    beta = checks.number("beta", beta)
    _refuse_zero(beta)
    return Nudging((beta,), (-1.0 / beta,), 1.0 / beta, order=1)


def centered(beta):
    r"""Two opposite nudges: :math:`[h(u^{-\beta}) - h(u^\beta)]/2\beta`, error O(beta^2).

    Laborieux et al. call it symmetric nudging. Parameters, errors and caveats as for `one_sided`;
    beyond `critical_beta` the negative phase is silently another equilibrium.

    Source
    ------
    Laborieux et al. 2021, Front. Neurosci. 15:633674.

    Examples
    --------
    >>> centered(0.5).betas, centered(0.5).weights
    ((-0.5, 0.5), (1.0, -1.0))
    """
    beta = checks.number("beta", beta)
    _refuse_zero(beta)
    return Nudging((-beta, beta), (0.5 / beta, -0.5 / beta), order=2)


def holomorphic(beta, points):
    r"""N nudges on a circle in the complex plane, error O(beta^N) inside the convergence radius.

    .. math:: \hat g = -\frac{1}{N\beta}\,\mathrm{Re}\sum_{k=0}^{N-1} w^{-k}\,h(u^{\beta w^k}),
       \qquad w = e^{2\pi i/N}

    Only the upper half of the circle is settled: the lower half holds the complex conjugates.

    Parameters
    ----------
    beta : float > 0            Radius of the circle. Dimensionless.
    points : int >= 2           N. With 1 point nothing subtracts the free product.

    Returns
    -------
    Nudging

    Raises
    ------
    ValueError
        If beta is not positive or points is below 2.

    Breaks when
    -----------
    beta exceeds the `convergence_radius`: then more points do not help. phi must be analytic.

    Source
    ------
    Laborieux & Zenke 2022, NeurIPS, arXiv:2209.00530.

    Examples
    --------
    >>> len(holomorphic(0.1, 8).betas)
    5
    """
    beta = checks.number("beta", beta, above=0)
    points = checks.whole_number("points", points, at_least=2)
    turns = np.exp(2j * np.pi * np.arange(points // 2 + 1) / points)
    turns[0] = 1.0
    if points % 2 == 0:
        turns[-1] = -1.0
    twice = np.where(turns.imag == 0, 1.0, 2.0)
    weights = -twice / turns / (points * beta)
    return Nudging(
        tuple(_plain(beta * t) for t in turns), tuple(_plain(w) for w in weights), order=points
    )


def clamped():
    r"""The output held at the target, beta = infinity: :math:`h(u^0) - h(u^\infty)`.

    Not a gradient in general; it becomes one where feedback is weak (gamma -> 0).

    Source
    ------
    Movellan 1991; Xie & Seung 2003, Neural Comput. 15:441-454.

    Examples
    --------
    >>> clamped().betas
    (inf,)
    """
    return Nudging((np.inf,), (-1.0,), 1.0, order=0)


def infinitesimal():
    r"""The limit beta -> 0 itself, by the linear response: the reference of condition 6.

    The response is computed, not settled: the slot `settling` serves the free phase alone.

    Examples
    --------
    >>> infinitesimal().betas
    ()
    """
    return Nudging((), (), order=np.inf)


def error_order(betas, errors):
    """Slope of log error over log beta, fitted: 1 one-sided, 2 centered, N for N points.

    Parameters
    ----------
    betas, errors : array_like, shape (n,), all > 0

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If fewer than two points, or a value that is not positive.

    Examples
    --------
    >>> round(error_order([0.1, 0.01], [1e-2, 1e-4]), 6)
    2.0
    """
    betas, errors = checks.array("betas", betas, (-1,)), checks.array("errors", errors, (-1,))
    if len(betas) < 2 or betas.shape != errors.shape or min(betas.min(), errors.min()) <= 0:
        raise ValueError(
            f"betas, errors: got {len(betas)} and {len(errors)} values, expected as many of each, "
            "two or more, all above 0"
        )
    return float(np.polyfit(np.log(betas), np.log(errors), 1)[0])


def error_estimate(estimate, beta, order):
    r"""The error at beta without any reference, from a second estimate at half the nudge.

    .. math:: \lVert\hat g(\beta) - g\rVert \approx
       \frac{2^p}{2^p - 1}\,\lVert\hat g(\beta) - \hat g(\beta/2)\rVert

    Parameters
    ----------
    estimate : callable         beta -> Gradient.
    beta : float
    order : float               p of the nudging: 1 one-sided, 2 centered, N for N points.

    Returns
    -------
    float, in the units of the gradient

    Source
    ------
    Richardson's extrapolation.

    Examples
    --------
    >>> from sevenconditions.gradient import Gradient
    >>> biased = lambda beta: Gradient((np.array([[1.0 + beta]]),), (np.zeros(1),))
    >>> round(error_estimate(biased, 0.5, 1), 9)
    0.5
    """
    gap = estimate(beta).flat() - estimate(beta / 2.0).flat()
    return float(np.linalg.norm(gap) * 2.0**order / (2.0**order - 1.0))


def best_beta(bias, order, noise):
    r"""The nudge with the smallest error, given bias and noise: the trade-off of condition 6.

    .. math:: \text{error} = K\beta^p + \frac{\nu}{\beta}, \qquad
       \beta^* = \left(\frac{\nu}{pK}\right)^{1/(p+1)}

    Parameters
    ----------
    bias : float > 0        K, from `error_estimate` at some beta, divided by beta^p.
    order : float > 0       p.
    noise : float > 0       nu: what the tolerance leaves in a product, see `settling_noise`.

    Returns
    -------
    beta, error : float     The best nudge and the error it leaves.

    Examples
    --------
    >>> beta, error = best_beta(bias=1.0, order=1, noise=1e-8)
    >>> round(beta, 6), round(error, 6)
    (0.0001, 0.0002)
    """
    bias, order, noise = (
        checks.number(name, value, above=0)
        for name, value in (("bias", bias), ("order", order), ("noise", noise))
    )
    beta = (noise / (order * bias)) ** (1.0 / (order + 1.0))
    return beta, bias * beta**order + noise / beta


def settling_noise(net, x, free, *, tol, rng):
    r"""What a residual of size `tol` leaves in the local product: nu of `best_beta`.

    A random residual r of that size moves the state by :math:`(dR/du)^{-1} r`, and the product by
    :math:`\nu`.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    free : Equilibrium
    tol : float > 0
    rng : numpy.random.Generator

    Returns
    -------
    float, in the units of the gradient

    Examples
    --------
    >>> from sevenconditions import layered, free_phase
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> free = free_phase(net, [1.0, 0.0, 1.0])
    >>> noise = [settling_noise(net, [1.0, 0.0, 1.0], free, tol=t, rng=np.random.default_rng(1))
    ...          for t in (1e-6, 1e-8)]
    >>> round(noise[0] / noise[1])
    100
    """
    x, _, _ = dynamics.as_input(net, x)
    tol = checks.number("tol", tol, above=0)
    local = dynamics.jacobian(net, x, free.potentials)
    residual = tol * rng.uniform(-1.0, 1.0, (*local.shape[:2], 1))
    step = 1e-20j * np.linalg.solve(local, residual)[:, :, 0]  # a complex step: no cancellation
    moved = [u + s for u, s in zip(free.potentials, dynamics.split(net, step), strict=True)]
    product = dynamics.local_product(net, dynamics.signals(net, x, dynamics.rates(net, moved)))
    return float(np.linalg.norm(product.flat().imag) / 1e-20)


def loose_rest(*, tol, rng):
    r"""A settling that stops anywhere within the tolerance: what `settling_noise` foresees.

    Each phase comes to rest but for a random residual of its own, of size `tol`:

    .. math:: R(u) = r, \qquad r_i \sim \mathcal U(-\mathrm{tol}, \mathrm{tol})

    Parameters
    ----------
    tol : float > 0
    rng : numpy.random.Generator        Draws anew for every phase.

    Returns
    -------
    callable                For the slot `settling` of a recipe; see `settling.rest`.

    Breaks when
    -----------
    beta is so small that the nudge moves the state less than tol: the estimate is then noise.

    Examples
    --------
    >>> from sevenconditions import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> stop = loose_rest(tol=1e-3, rng=np.random.default_rng(1))
    >>> first, second = (stop(net, np.ones((1, 3))) for _ in range(2))
    >>> bool(1e-5 < np.abs(first.rates[-1] - second.rates[-1]).max() < 1e-2)
    True
    """
    tol = checks.number("tol", tol, above=0)

    def stop(net, x, *, y=None, beta=0.0, start=None, current=None):
        left = tuple(tol * rng.uniform(-1.0, 1.0, (len(x), n)) for n in net.sizes[1:])
        if current is not None:
            left = tuple(a + b for a, b in zip(left, current, strict=True))
        return solvers.newton(net, x, y=y, beta=beta, start=start, current=left)

    return stop


def _refuse_zero(beta):
    if beta == 0.0:
        raise ValueError("beta: got 0, expected a nudge different from 0, such as 1e-3")


def _plain(number):
    return number.real.item() if number.imag == 0 else complex(number)
