r"""The first-order response of a settled network to a nudge, and how far first order reaches.

At an equilibrium :math:`dR/du\;du/d\beta = -\partial R/\partial\beta`. A physical network gives
this answer by itself; here it is computed, as the limit that small nudges are compared with.
"""

import numpy as np

from sevenconditions import dynamics, spectrum
from sevenconditions.checks import ConvergenceError
from sevenconditions.linearisation import Linearisation

_ROUNDING = 450.0  # in units of the last digit: what a Fourier coefficient that is none may be
ALMOST_FORWARD = 1e-12  # a mismatch below this is rounding: the free phase is the forward pass


def linear_response(net, x, y, free, *, allow_unstable=False):
    r"""du/dbeta at beta = 0, layer by layer: the limit of an infinitesimal nudge.

    .. math:: \frac{du}{d\beta} = -\left(\frac{dR}{du}\right)^{-1} \frac{\partial C}{\partial v}

    A dense solve for small networks, conjugate gradients or another Krylov method for wide ones: no
    matrix is larger than the weights. With full cancellation, where the free phase carries no
    mismatch, one sweep down and one up replace the solve:

    .. math:: dq_l = D_l\left(\gamma B_{l+1}\,dq_{l+1} - [l=L]\,\partial C/\partial v\right)

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    free : Equilibrium
        The settled free phase: of this network, or of one that the nudge replaces by this one.
    allow_unstable : bool       True returns the solve's number even where nothing would settle.

    Returns
    -------
    tuple of ndarray, shape (batch, n_l), dimensionless

    Raises
    ------
    ConvergenceError
        If the fixed point repels (the sweeps need no stability and do not ask for it), or if the
        solution does not reach a relative residual of 1e-11.

    Source
    ------
    Scellier & Bengio 2019, Neural Comput. 31:312-329 (the response and its linearisation).

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> free = free_phase(net, [1.5], tol=1e-14)
    >>> [du.round(6).item() for du in linear_response(net, [1.5], [0.0], free)]
    [-0.666667, -1.333333]
    """
    x, y, _ = dynamics.as_input(net, x, y)
    slope_of_cost = free.rates[-1] - y
    if _is_forward_pass(net, x, free):
        return _two_sweeps(net, free, slope_of_cost)
    if not allow_unstable:
        refuse_repelling(net, x, free.potentials)
    near = Linearisation(net, x, free.potentials)
    nudge = np.zeros(near.shape, near.dtype)
    nudge[:, near.places[-1]] = -slope_of_cost
    response = near.solve(nudge).astype(np.result_type(*free.potentials), copy=False)
    return dynamics.split(net, response)


def refuse_repelling(net, x, potentials, *, beta=0.0):
    """Raise ConvergenceError, naming the radius, unless a fixed point attracts.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    potentials : tuple of ndarray, shape (batch, n_l)
    beta : number or ndarray of shape (batch,)      As for `dynamics.jacobian`.

    Raises
    ------
    ConvergenceError
        If an eigenvalue of dR/du has a real part of 0 or below, or if nothing can be said.

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> refuse_repelling(net, np.array([[1.5]]), free_phase(net, [1.5]).potentials)
    """
    if not spectrum.attracts(net, x, potentials, beta=beta).all():
        _refuse(spectrum.outermost(net, x, potentials, beta=beta))


def _refuse(eigenvalues):
    lowest = eigenvalues.real.min(axis=1)
    raise ConvergenceError(
        f"{int((lowest <= 0).sum())} of {len(lowest)} samples rest at a fixed point that repels "
        f"(smallest real part of an eigenvalue of dR/du {lowest.min():.3g}, expected above 0; "
        f"spectral radius of the undamped map {spectrum.radii(eigenvalues, 1.0).max():.4g}): no "
        "settling network stays there. Scale the weights or the asymmetric matrices down"
    )


def output_response(net, x, free):
    r"""S, the block of J^{-1} that belongs to the output: how softly the outputs give way.

    .. math:: S = (J^{-1})_{\mathrm{out},\mathrm{out}}, \qquad J = dR/dv

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    free : Equilibrium

    Returns
    -------
    ndarray, shape (batch, n_L, n_L), dimensionless

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> output_response(net, [1.5], free_phase(net, [1.5])).round(6).item()
    1.333333
    """
    x, _, _ = dynamics.as_input(net, x)
    near = Linearisation(net, x, free.potentials)
    last = near.places[-1]
    unit = np.broadcast_to(np.eye(near.shape[1])[:, last], (*near.shape, net.sizes[-1]))
    # J^{-1} = D (dR/du)^{-1}: no division by a slope that may be 0
    return near.slopes[:, last, None] * near.solve(unit)[:, last]


def critical_beta(net, x, free):
    r"""The size of a negative nudge at which the equilibrium is lost, to first order (condition 6).

    .. math:: \beta_c = \min_{\text{samples}}\ \lambda_{\min}\!\left(S^{-1}\right)

    Also the radius of convergence in beta while the output error is small; a large error makes
    both smaller.

    Parameters
    ----------
    net, x, free : as for `output_response`

    Returns
    -------
    float, dimensionless

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> round(critical_beta(net, [1.5], free_phase(net, [1.5])), 6)
    0.75
    """
    softness = np.abs(np.linalg.eigvals(output_response(net, x, free))).max()
    return float(1.0 / softness)


def convergence_radius(betas, outputs):
    r"""Radius of convergence in beta, read off the outputs on a circle (condition 6).

    Inside the radius the outputs have Fourier coefficients :math:`c_m\beta^m` along the circle, of
    positive m alone, and their decay gives the radius. A singularity inside the circle shows as
    coefficients of negative m, which decay as :math:`(R/\beta)^{|m|}`.

    Parameters
    ----------
    betas : array_like, shape (n_nudges,), complex
        The upper half of a circle, as in ``holomorphic(beta, points).betas``. Of 4 points or more,
        better 8: few points hold few coefficients, and see only a circle that is far too wide.
    outputs : array_like, shape (n_nudges, batch, n_L), complex
        Output rates that settled under these nudges.

    Returns
    -------
    float, dimensionless: of the sample with the smallest; below abs(beta) the circle is too wide

    Source
    ------
    Cauchy-Hadamard; for equilibria: Laborieux & Zenke 2022, NeurIPS, arXiv:2209.00530.

    Examples
    --------
    >>> from sevenconditions.nudging import holomorphic
    >>> betas = np.array(holomorphic(0.1, 16).betas)
    >>> outputs = 1.0 / (1.0 + betas / 0.4)
    >>> round(convergence_radius(betas, outputs[:, None, None]), 2)
    0.4
    """
    betas, outputs = np.asarray(betas), np.asarray(outputs)
    half = outputs.reshape(*outputs.shape[:2], -1)
    whole = np.concatenate([half, half[-1 - (betas[-1].imag == 0) : 0 : -1].conj()])
    sizes = np.abs(np.fft.fft(whole, axis=0)).max(axis=2)
    return float(abs(betas[0]) * min(_shrinkage(column) for column in sizes.T))


def _shrinkage(sizes):
    """R / beta of one sample, from the sizes of its coefficients 0, 1, ... -2, -1."""
    middle = len(sizes) // 2
    rounding = max(1e-13, _ROUNDING * np.finfo(sizes.dtype).eps) * sizes.max()
    if not (sizes[1:] > rounding).any():  # no error, so nothing moves along the circle
        return np.inf
    outer, inner = sizes[1 : middle + 1], sizes[:middle:-1]
    if inner[0] > max(2.0 * sizes[middle], rounding) and len(inner) > 1:
        return inner[1] / inner[0]  # a singularity inside
    seen = max(int((outer > rounding).sum()), 2)
    return np.exp(-np.polyfit(np.arange(seen), np.log(outer[:seen] + rounding), 1)[0])


def _is_forward_pass(net, x, free):
    if net.cancellation != 1.0 or any(a is not None for a in net.lateral):
        return False
    carried = dynamics.mismatches(net, free.rates, dynamics.drives(net, x, free.rates))
    almost = max(ALMOST_FORWARD, 8.0 * np.finfo(net.dtype).eps)
    return max(np.abs(q).max() for q in carried) < almost


def _two_sweeps(net, free, slope_of_cost):
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, free.potentials, strict=True)]
    carried = [-slopes[-1] * slope_of_cost]  # dq, from the output down
    inputs = [-slope_of_cost]
    for i in reversed(range(net.n_layers - 1)):
        inputs.append(net.feedback_gain * carried[-1] @ net.feedback[i + 1].T)
        carried.append(slopes[i] * inputs[-1])
    response, rate = [], 0.0
    for i, extra in enumerate(reversed(inputs)):
        response.append(extra + (rate @ net.weights[i].T if i else 0.0))
        rate = slopes[i] * response[-1]
    return tuple(response)
