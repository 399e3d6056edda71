r"""Condition 2, energy: a scalar potential, so that a response is an adjoint (chapter 2).

.. math:: E(v) = \sum_l \gamma^{l-L}\left[G_l(v_l) - v_l\cdot a_l + c\,G^*_l(a_l)\right]

With transposed feedback and no lateral matrix the dynamics descend it: :math:`dE/dv = M R` with the
metric :math:`M = \mathrm{diag}(\gamma^{l-L})`.
"""

from dataclasses import dataclass

import numpy as np

from sevenconditions import checks, dynamics
from sevenconditions.linearisation import Linearisation
from sevenconditions.network import PhaseNetworks

_AT_ONCE = 2**22  # numbers in the blocks of a Jacobian that are held at the same time, 32 MB


def conservative(net):
    r"""The setting that keeps condition 2 where feedback is transposed: lateral A is symmetric.

    .. math:: A_l \leftarrow \tfrac12\,(A_l + A_l^T)

    An energy setting is a function from a `Network` to the one that settles, or to
    `PhaseNetworks` where the nudged phases run in another; write your own to try it.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Source
    ------
    Hopfield 1984, PNAS 81:3088-3092; Cohen & Grossberg 1983, IEEE Trans. SMC-13:815-826.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[np.eye(2)], biases=[[0, 0]], lateral=[None, [[0, 1], [-1, 0]]])
    >>> bool(conservative(net).lateral[1].any())
    False
    """
    if all(a is None or np.array_equal(a, a.T) for a in net.lateral):
        return net
    return net.replace(lateral=[None if a is None else 0.5 * (a + a.T) for a in net.lateral])


def as_given(net):
    """The network's own lateral matrices, whatever they are."""
    return net


def rotated(strength, *, seed=0):
    """The dial of condition 2 as a setting: antisymmetric lateral connections, see `rotate`.

    Parameters
    ----------
    strength : float        a, the norm of each lateral matrix. Dimensionless.
    seed : int              Of the matrices: a setting gives the same ones each time.

    Returns
    -------
    callable, Network -> Network

    Examples
    --------
    >>> rotated(0.4).strength
    0.4
    """
    return _Rotated(checks.number("strength", strength), checks.whole_number("seed", seed))


def repaired(net):
    r"""The repair of condition 2: nudged phases run in the mirrored network (asymmetric EP).

    .. math:: \tau\dot u = -R(u, \beta) + 2 A_J\,(v - v^0), \qquad
       A_J = M^{-1}\,\tfrac12\left(MJ - (MJ)^T\right)

    The extra term swaps forward and feedback matrices, :math:`W_l \leftrightarrow B_l^T`, and
    transposes lateral ones; a constant current holds the free state :math:`v^0` at rest. The
    response then equals the adjoint exactly, whatever the asymmetry.

    Parameters
    ----------
    net : Network with cancellation 0; elsewhere the product rule stays wrong

    Returns
    -------
    PhaseNetworks

    Raises
    ------
    ValueError
        If cancellation is not 0.

    Source
    ------
    Scurria, Vanden Abeele, Mognetti & Massar 2026, arXiv:2602.03670.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[2.0]]], biases=[[0], [0]], feedback=[None, [[0.5]]])
    >>> repaired(net).nudged.weights[1], repaired(net).nudged.feedback[1]
    (array([[0.5]]), array([[2.]]))
    """
    if net.cancellation != 0.0:
        raise ValueError(
            f"net: got cancellation {net.cancellation:g}, expected 0: only there does the product "
            "rule turn the repaired response into a gradient"
        )
    mirrored = net.replace(
        weights=[net.weights[0], *(b.T for b in net.feedback[1:])],
        feedback=[None, *(w.T for w in net.weights[1:])],
        lateral=[None if a is None else a.T for a in net.lateral],
    )
    return PhaseNetworks(net, mirrored)


def homeostasis(net, x, state, *, n_steps=60, rate=0.5):
    r"""Feedback that descends the asymmetry of the Jacobian: the slow repair of condition 2.

    .. math:: B_l \leftarrow B_l - \eta\,\nabla_{B_l}\,
       \tfrac12 \lVert MJ - (MJ)^T \rVert_F^2 \big/ \text{curvature}

    averaged over the samples, at a state that is held. Only B changes.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium         Where the Jacobian is taken.
    n_steps : int >= 0
    rate : float in (0, 1]      eta; at 1 a step reaches the minimum along the stiffest direction.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If n_steps or rate is out of range, or the network has lateral matrices.

    Source
    ------
    Laborieux & Zenke 2024, ICLR, arXiv:2309.02214.

    Examples
    --------
    >>> from sevenconditions import Network, free_phase
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0], [0]], feedback=[None, [[0.1]]])
    >>> round(homeostasis(net, [1.0], free_phase(net, [1.0])).feedback[1].item(), 6)
    0.5
    """
    n_steps = checks.whole_number("n_steps", n_steps)
    rate = checks.number("rate", rate, above=0, at_most=1)
    x, _, _ = dynamics.as_input(net, x)
    if any(a is not None for a in net.lateral):
        raise ValueError("net: got lateral matrices, expected none: only the feedback is adapted")
    checks.same_samples(x, state)
    layer_drives = dynamics.drives(net, x, state.rates)
    feedback = list(net.feedback)
    for i in range(1, net.n_layers):
        predicted = net.cancellation * net.phis[i].derivative(layer_drives[i])
        below = predicted[:, :, None] * net.weights[i]  # c D W of each sample
        curvature = 1.0 + 2.0 * np.linalg.norm(below, 2, axis=(1, 2)).max() ** 2
        for _ in range(n_steps):
            inner = feedback[i] @ below  # the block of MJ within the layer below
            skew = inner - inner.transpose(0, 2, 1)
            slope = (skew @ below.transpose(0, 2, 1)).mean(axis=0)
            slope += feedback[i] - net.weights[i].T
            feedback[i] = feedback[i] - rate * slope / curvature
    return net.replace(feedback=feedback)


def energy(net, x, state):
    r"""E of each sample at a state or along a trajectory (condition 2, chapter 2).

    At cancellation 0 symmetric lateral weights add :math:`-\tfrac12 v_l^T A_l v_l` to a layer; the
    antisymmetric part of A adds nothing, for it has no energy. With cancellation lateral weights
    are left out: there a network with them has none of this form.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium, or tuple of ndarray of potentials, shape (..., batch, n_l)
        A recorded trajectory may be passed as it is.

    Returns
    -------
    ndarray, shape (..., batch), dimensionless

    Raises
    ------
    ValueError
        If x does not fit the network.

    Source
    ------
    c = 0: Hopfield 1984, PNAS 81:3088-3092. c = 1: Gu, Askari & El Ghaoui 2020, AISTATS.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> energy(net, [1.0], (np.array([[2.0]]),)).tolist()
    [-2.0]
    """
    x, _, _ = dynamics.as_input(net, x)
    potentials = getattr(state, "potentials", state)
    rates = dynamics.rates(net, potentials)
    if hasattr(state, "potentials"):
        checks.same_samples(x, state)
    held = np.isinf(getattr(state, "beta", 0.0)).any()
    if held:  # a clamped output has the rate of its target, whatever its potential
        rates = (*rates[:-1], state.rates[-1])
    x = np.broadcast_to(x, (*rates[0].shape[:-1], x.shape[-1]))
    drives = dynamics.drives(net, x, rates)
    total = 0.0
    layers = zip(net.metric, net.phis, net.lateral[1:], potentials, rates, drives, strict=True)
    for weight, phi, lateral, u, v, a in layers:
        if held and u is potentials[-1]:
            stored = phi.primitive(v)
        else:
            stored = u * v - phi.conjugate(u)  # G(v) by Legendre's equality: safe in saturation
        bracket = stored - v * a + net.cancellation * phi.conjugate(a)
        if lateral is not None and net.cancellation == 0.0:
            bracket = bracket - 0.5 * v * (v @ lateral.T)
        total = total + weight * bracket.sum(axis=-1)
    return total


def cost(y, state):
    """Return the cost ``C = 1/2 |v_L - y|^2`` of each sample.

    Parameters
    ----------
    y : array_like, shape (batch, n_L)
    state : Equilibrium

    Returns
    -------
    ndarray, shape (batch,), dimensionless

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> from sevenconditions.phases import free_phase
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> cost([[0.0]], free_phase(net, [1.0])).round(6).tolist()
    [2.0]
    """
    y = checks.batch("y", y, state.rates[-1].shape[-1])
    checks.pairs(state.rates[-1], y)
    return 0.5 * ((state.rates[-1] - y) ** 2).sum(axis=-1)


def total_energy(net, x, y, state, *, beta):
    """E + beta C of each sample: what the nudged phase descends.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    state : Equilibrium
    beta : float

    Returns
    -------
    ndarray, shape (batch,), dimensionless

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> from sevenconditions.phases import free_phase
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> total_energy(net, [1.0], [0.0], free_phase(net, [1.0]), beta=0.5).round(6).tolist()
    [-1.0]
    """
    return energy(net, x, state) + checks.number("beta", beta) * cost(y, state)


def _slopes_and_metric(net, state):
    """phi' of every unit, shape (batch, n), and the metric M, shape (n,)."""
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, state.potentials, strict=True)]
    metric = [np.full(n, m) for m, n in zip(net.metric, net.sizes[1:], strict=True)]
    return np.concatenate(slopes, axis=1), np.concatenate(metric)


def _refuse_flat(slopes):
    if (slopes == 0.0).any():
        raise ValueError(
            f"state: got {int((slopes == 0).sum())} units with phi' = 0, expected none: dR/dv does "
            "not exist there; use a smooth activation"
        )


def _rate_jacobian(net, x, state):
    """M J and J = dR/dv of each sample, shape (batch, n, n), and the metric M, shape (n,)."""
    x, _, _ = dynamics.as_input(net, x)
    slopes, metric = _slopes_and_metric(net, state)
    _refuse_flat(slopes)
    jacobian = dynamics.jacobian(net, x, state.potentials) / slopes[:, None, :]
    return metric[:, None] * jacobian, jacobian, metric


def integrability_defect(net, x, state):
    r"""How far the dynamics are from having an energy: diagnostic of condition 2 (chapter 2).

    .. math:: \frac{\lVert MJ - (MJ)^T \rVert_F}{\lVert MJ + (MJ)^T \rVert_F}, \qquad J = dR/dv

    In rate space and weighted by the metric M: weak feedback (gamma < 1) has an energy too.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium

    Returns
    -------
    ndarray, shape (batch,); 0 for a symmetric network, dimensionless

    Raises
    ------
    ValueError
        If a unit has phi' = 0, where dR/dv does not exist.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> from sevenconditions.phases import free_phase
    >>> net = layered((3, 4, 2), feedback_gain=0.3, rng=np.random.default_rng(0))
    >>> bool((integrability_defect(net, np.ones((1, 3)), free_phase(net, [1, 1, 1])) < 1e-15).all())
    True
    """
    x, _, _ = dynamics.as_input(net, x)
    slopes = [phi.derivative(u) for phi, u in zip(net.phis, state.potentials, strict=True)]
    _refuse_flat(np.concatenate(slopes, axis=1))
    widest = max(net.sizes[1:]) ** 2 if net.cancellation else 1
    n_parts = min(len(x), -(-len(x) * widest // _AT_ONCE))
    odd, even = np.zeros((2, len(x)))
    for rows in np.array_split(np.arange(len(x)), n_parts):
        here = [s[rows].astype(np.float64) for s in slopes]
        for diagonal, block, mirrored in _rate_blocks(net, x[rows], here, state, rows):
            odd[rows] += _square(block - mirrored.swapaxes(-1, -2))
            whole = block + mirrored.swapaxes(-1, -2)
            even[rows] += _square(whole)
            if diagonal is not None:  # twice a diagonal beside, not made a matrix of
                beside = np.einsum("...ii->...i", whole)
                even[rows] += (4.0 * diagonal * (diagonal + beside)).sum(axis=1)
    return np.sqrt(odd / even)


def _rate_blocks(net, x, slopes, state, rows):
    """The blocks of M J: a diagonal or None, a block, and the one that mirrors it.

    Blocks have the shape (n, m), or (batch, n, m) where cancellation makes them differ.
    """
    c, drives = net.cancellation, None
    if c:
        rates = tuple(v[rows] for v in state.rates)
        drives = dynamics.drives(net, x, rates)
    for i, metric in enumerate(net.metric):
        lateral, within = net.lateral[i + 1], np.zeros((net.sizes[i + 1],) * 2)
        if lateral is not None:
            within = within - metric * lateral
        if c and i + 1 < net.n_layers:
            above = net.phis[i + 1].derivative(drives[i + 1])
            fed_back = net.metric[i + 1] * c * net.feedback[i + 1]
            within = within + (fed_back * above[:, None, :]) @ net.weights[i + 1]
        yield metric / slopes[i], within, within
        if i > 0:
            up = -metric * net.weights[i]
            if c and lateral is not None:
                above = net.phis[i].derivative(drives[i])
                up = up + metric * c * (lateral * above[:, None, :]) @ net.weights[i]
            yield None, np.sqrt(2.0) * up, np.sqrt(2.0) * -metric * net.feedback[i]


def _square(blocks):
    """Squared Frobenius norm, of each sample or the same for all."""
    return np.einsum("...ij,...ij->...", blocks, blocks)


def rotate(net, strength, *, rng):
    r"""The dial of condition 2: antisymmetric lateral connections on the hidden layers.

    .. math:: A_l = a\,K_l / \lVert K_l \rVert_2, \qquad K_l = -K_l^T \text{ random}

    Parameters
    ----------
    net : Network
    strength : float            a, dimensionless. 0 removes the lateral connections.
    rng : numpy.random.Generator

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If every hidden layer has a single unit: one unit has nothing to rotate with.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> a = rotate(net, 0.5, rng=np.random.default_rng(1)).lateral[1]
    >>> bool(np.allclose(a, -a.T)), round(float(np.linalg.norm(a, 2)), 6)
    (True, 0.5)
    """
    strength = checks.number("strength", strength)
    if not any(n > 1 for n in net.sizes[1:-1]):
        raise ValueError(f"net: got widths {net.sizes}, expected a hidden layer of 2 units or more")
    lateral = [None] * len(net.sizes)
    for index, n in enumerate(net.sizes[1:-1], start=1):
        if n > 1 and strength != 0.0:
            draw = rng.standard_normal((n, n))
            skew = draw - draw.T
            lateral[index] = strength * skew / np.linalg.norm(skew, 2)
    return net.replace(lateral=lateral)


def reciprocity_error(networks, x, y, free):
    r"""How far the response is from the adjoint: what condition 2 is for, repaired or not.

    .. math:: \frac{\lVert\hat\lambda - \lambda\rVert}{\lVert\lambda\rVert}, \qquad
       \hat\lambda = M J_{\text{nudged}}^{-1}\,\frac{\partial C}{\partial v}, \quad
       \lambda = J_{\text{free}}^{-T}\,\frac{\partial C}{\partial v}

    Parameters
    ----------
    networks : PhaseNetworks
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    free : Equilibrium          The settled free phase.

    Returns
    -------
    float, over the batch, dimensionless

    Examples
    --------
    >>> from sevenconditions import feedback, free_phase, layered
    >>> net = feedback.random()(layered((3, 4, 2), rng=np.random.default_rng(0)))
    >>> free = free_phase(net, np.ones(3), tol=1e-13)
    >>> [bool(reciprocity_error(n, np.ones(3), np.zeros(2), free) < 1e-12)
    ...  for n in (PhaseNetworks(net, net), repaired(net))]
    [False, True]
    """
    x, y, _ = dynamics.as_input(networks.free, x, y)
    there, here = (Linearisation(n, x, free.potentials) for n in networks[::-1])
    if networks.nudged is networks.free and here.is_symmetric:
        return 0.0  # the response is the adjoint, entry by entry
    _, metric = _slopes_and_metric(networks.free, free)
    nudge = np.zeros(here.shape)
    nudge[:, here.places[-1]] = free.rates[-1] - y
    # J = (dR/du) / D, so J^{-1} = D (dR/du)^{-1}: no division by a slope that may be 0
    response = metric * here.slopes * there.solve(nudge)
    adjoint = here.solve(here.slopes * nudge, transposed=True)
    apart = float(np.linalg.norm(response - adjoint))
    return apart / float(np.linalg.norm(adjoint)) if apart > 0.0 else 0.0


@dataclass(frozen=True)
class _Rotated:
    strength: float
    seed: int

    def __call__(self, net):
        # a stream of this condition alone, so that it repeats no other draw of the same seed
        return rotate(net, self.strength, rng=np.random.default_rng([self.seed, 2]))


def asymmetry_error(net, x, y, free):
    r"""Both sides of the exact identity: what asymmetry adds to the response (condition 2).

    .. math:: \hat\lambda - \lambda = -2\,M H^{-1} A_H H^{-T}
       \frac{\partial C}{\partial v}, \qquad H = MJ,\ A_H = \tfrac12 (H - H^T)

    where the response is :math:`\hat\lambda = M J^{-1}\,\partial C/\partial v` and the adjoint
    :math:`\lambda = J^{-T}\,\partial C/\partial v`.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    free : Equilibrium          The settled free phase.

    Returns
    -------
    measured, predicted : ndarray, shape (batch, n) each
        The left side and the right side: equal to rounding, whatever the asymmetry.

    Source
    ------
    An identity of matrices: 1/X - 1/Y = 1/X (Y - X) 1/Y with Y the transpose of X.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> from sevenconditions.phases import free_phase
    >>> net = layered((3, 4, 2), rng=np.random.default_rng(0))
    >>> net = rotate(net, 0.5, rng=np.random.default_rng(1))
    >>> left, right = asymmetry_error(net, [1, 1, 1], [0, 0], free_phase(net, [1, 1, 1]))
    >>> bool(np.allclose(left, right, atol=1e-14)), bool(np.abs(left).max() > 1e-3)
    (True, True)
    """
    weighted, jacobian, metric = _rate_jacobian(net, x, free)
    y = checks.batch("y", y, net.sizes[-1])
    slope_of_cost = np.zeros((*weighted.shape[:2], 1))
    slope_of_cost[:, -net.sizes[-1] :, 0] = free.rates[-1] - y
    response = metric[:, None] * np.linalg.solve(jacobian, slope_of_cost)
    adjoint = np.linalg.solve(jacobian.transpose(0, 2, 1), slope_of_cost)
    skew = 0.5 * (weighted - weighted.transpose(0, 2, 1))
    inner = np.linalg.solve(weighted.transpose(0, 2, 1), slope_of_cost)
    predicted = -2.0 * metric[:, None] * np.linalg.solve(weighted, skew @ inner)
    return (response - adjoint)[:, :, 0], predicted[:, :, 0]
