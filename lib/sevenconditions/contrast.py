"""Condition 5, contrast: a local Hebbian rule, nudged minus free (chapter 5)."""

from sevenconditions import dynamics
from sevenconditions.gradient import Gradient


def hebbian(net, x, state):
    r"""The local product -dE/dtheta at a state, averaged over the batch.

    .. math:: h_l = \gamma^{l-L}\, q_l\, v_{l-1}^T, \qquad h^b_l = \gamma^{l-L}\, q_l

    Each entry needs the two ends of its own synapse only. The loss gradient is
    :math:`[h(0) - h(\beta)]/\beta` for small beta.

    Parameters
    ----------
    net : Network
    x : array_like, shape (batch, n_0)
    state : Equilibrium

    Returns
    -------
    Gradient                The Hebbian products, shaped as the parameters. Dimensionless.

    Source
    ------
    c = 0: Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> from sevenconditions.phases import free_phase
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> hebbian(net, [3.0], free_phase(net, [3.0])).weights[0].round(6).item()
    18.0
    """
    x, _, _ = dynamics.as_input(net, x)
    below = (x, *state.rates[:-1])
    carried = dynamics.mismatches(net, state.rates, dynamics.drives(net, x, state.rates))
    scaled = [m * q / len(x) for m, q in zip(net.metric, carried, strict=True)]
    return Gradient(
        tuple(q.T @ v for q, v in zip(scaled, below, strict=True)),
        tuple(q.sum(axis=0) for q in scaled),
    )
