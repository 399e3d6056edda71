"""Condition 3, phases: a free and a nudged state, read as a difference (chapter 3)."""

from sevenconditions import checks
from sevenconditions.equilibrium import settle


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
    >>> from sevenconditions.network import Network
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

    Raises
    ------
    ValueError
        If beta is 0, or as `equilibrium.settle`.

    Source
    ------
    Scellier & Bengio 2017, Front. Comput. Neurosci. 11:24.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[2.0]]], biases=[[0.0]])
    >>> plus = nudged_phase(net, [1.0], [0.0], beta=1.0, start=free_phase(net, [1.0]))
    >>> plus.rates[-1].round(6).item()
    1.0
    """
    if checks.number("beta", beta) == 0.0:
        raise ValueError("beta: got 0, expected a nudge different from 0; use free_phase for 0")
    return settle(net, x, y=y, beta=beta, start=start, **options)
