r"""Eigenvalues of dR/du at a state, and how much the loop of a network can amplify at any state.

Small networks get all eigenvalues of a dense matrix, and so do those whose even layers reach only
odd ones, from a matrix as wide as the fewer of them. Elsewhere a Krylov space, grown by products
with the layers' own matrices, tells the outermost ones.

`loop_norm` belongs to a network alone, whatever its state: below 1 the undamped settling map
contracts everywhere, so that the free equilibrium is unique and every solver finds the same one.
``loop_norm(net) < 1`` costs a microsecond when the same network is asked again.
"""

from weakref import WeakKeyDictionary

import numpy as np

from sevenconditions import checks, krylov
from sevenconditions.checks import ConvergenceError
from sevenconditions.linearisation import Linearisation

_TOL = 1e-10  # residual of an outermost eigenvalue, relative to the largest
_GOOD_ENOUGH = 1e-6  # where a Krylov space does not get there
_STEPS = 400  # of a Krylov space
_NONE = 1e-12  # relative to the largest, an eigenvalue of a loop that is but rounding
_AT_ONCE = 2**24  # numbers in the bases that are held at the same time, 128 MB
_LARGEST_MATRIX = 2500  # units up to which a dense matrix is the last resort
_DENSE_NORM = 128  # rows of a matrix whose norm is taken by a dense eigenvalue, not by Lanczos
_NORM_TOL = 1e-9  # relative, of its square

_NORMS = WeakKeyDictionary()  # of the networks that have been asked; frozen, so it stays true


def loop_norm(net):
    r"""Lipschitz constant of the undamped settling map, for all states and inputs (condition 1).

    .. math:: \lVert S M^{1/2}\,(W + F)\,M^{-1/2} S \rVert_2
       + c\,\lVert S M^{1/2} F M^{-1/2} S \rVert_2\,\lVert S M^{1/2}\,W M^{-1/2} S \rVert_2,
       \qquad F = \gamma B + A,\quad S^2 = \sup\varphi'

    with all layers stacked, in the norm that the metric M and the slopes S give to potentials.
    Below 1 the map contracts, and the free equilibrium is unique. Sufficient, not necessary; sharp
    for symmetric networks without cancellation, where it is the largest radius of any state.

    Parameters
    ----------
    net : Network

    Returns
    -------
    float, dimensionless
        At most a millionth too large; infinite if an iteration did not get that far.

    Source
    ------
    Banach 1922 (contraction mapping). Lanczos 1950, J. Res. Natl. Bur. Stand. 45:255-282.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]])
    >>> round(loop_norm(net), 6)
    0.5
    """
    checks.network(net)
    known = _NORMS.get(net)
    if known is None:
        up, down = _scaled_blocks(net)
        known = _norm_of_both(net, up, down)
        if net.cancellation:
            known += net.cancellation * _norm(up) * _norm(down)
        _NORMS[net] = known
    return known


def _scaled_blocks(net):
    """S M^(1/2) W M^(-1/2) S and the same of F, as blocks (scale, matrix) by (to, from) layer."""
    bounds = [phi.slope_bound for phi in net.phis]
    up, down = {}, {}
    for i in range(net.n_layers):
        if i:
            scale = np.sqrt(net.feedback_gain * bounds[i] * bounds[i - 1])
            up[i, i - 1] = (scale, net.weights[i])
            down[i - 1, i] = (scale, net.feedback[i])
        if net.lateral[i + 1] is not None:
            down[i, i] = (bounds[i], net.lateral[i + 1])
    return up, down


def _norm_of_both(net, up, down):
    """The norm of W + F: without lateral matrices even layers reach only odd ones, and back."""
    blocks = up | down
    if any(to == source for to, source in blocks):
        return _norm(blocks)
    halves = [{key: b for key, b in blocks.items() if key[1] % 2 == side} for side in (0, 1)]
    if net.feedback_is_transposed:  # each half is the transpose of the other
        halves = halves[:1]
    return max(map(_norm, halves))


def _norm(blocks):
    """The largest singular value of a matrix given by its blocks."""
    if not blocks:
        return 0.0
    if len(blocks) > 1 and all(
        len({key[side] for key in blocks}) == len(blocks) for side in (0, 1)
    ):
        return max(_norm({key: block}) for key, block in blocks.items())  # no two blocks meet
    rows, columns = (_places(blocks, side) for side in (0, 1))
    if min(_width(rows), _width(columns)) <= _DENSE_NORM:
        dense = np.zeros((_width(rows), _width(columns)))
        for (to, source), (scale, matrix) in blocks.items():
            dense[rows[to], columns[source]] = scale * matrix
        short = dense if len(dense) <= dense.shape[1] else dense.T
        return float(np.sqrt(max(np.linalg.eigvalsh(short @ short.T)[-1], 0.0)))
    parts = [
        (rows[to], columns[source], scale, matrix.astype(np.float64, copy=False))
        for (to, source), (scale, matrix) in blocks.items()
    ]

    def squared(v):
        there, back = np.zeros(_width(rows)), np.zeros(len(v))
        for to, source, scale, matrix in parts:
            there[to] += scale * (matrix @ v[source])
        for to, source, scale, matrix in parts:
            back[source] += scale * (there[to] @ matrix)
        return back

    return float(np.sqrt(_largest_eigenvalue(squared, _width(columns))))


def _places(blocks, side):
    """Where the layers that the blocks lead to (side 0) or come from (1) stand in a vector."""
    widths = {key[side]: matrix.shape[side] for key, (_, matrix) in blocks.items()}
    places, start = {}, 0
    for layer in sorted(widths):
        places[layer] = slice(start, start + widths[layer])
        start += widths[layer]
    return places


def _width(places):
    return max(place.stop for place in places.values())


def _largest_eigenvalue(apply, n):
    """The largest eigenvalue of a symmetric operator >= 0, from above; or infinity."""
    ends, errors = krylov.real_ends(
        lambda v: apply(v[0])[None], 1, n, tol=_NORM_TOL, max_steps=_STEPS, lowest=False
    )
    converged = errors[0, 1] <= _NORM_TOL * ends[0, 1]
    return ends[0, 1] + errors[0, 1] if converged else np.inf


def eigenvalues(net, x, potentials, *, beta=0.0):
    """All eigenvalues of dR/du at a state.

    Parameters
    ----------
    net : Network
    x : ndarray, shape (batch, n_0)
    potentials : tuple of ndarray, shape (batch, n_l)
    beta : number or ndarray of shape (batch,)      As for `dynamics.jacobian`.

    Returns
    -------
    ndarray, shape (batch, n), in units of 1/tau; complex where some are

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[0.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> np.sort(eigenvalues(net, np.zeros((1, 1)), (np.zeros((1, 1)),) * 2)).round(6)
    array([[0.5, 1.5]])
    """
    near = Linearisation(net, x, potentials, beta)
    return np.linalg.eigvals(near.matrix) if near.is_small else _eigenvalues(near)


def _is_small(near):
    return near.is_small or (near.reduced is not None and near.reduced.is_small)


def _eigenvalues(near):
    return np.linalg.eigvals(near.matrix) if near.reduced is None else near.reduced.eigenvalues()


def outermost(net, x, potentials, *, beta=0.0):
    r"""Eigenvalues of dR/du at a state: those that decide whether and how fast it settles.

    The lowest and highest real parts are among them, the largest :math:`|1 - \mathrm{dt}\,z|`
    for every step dt, and the smallest :math:`2\,\mathrm{Re}(z) / |z|^2` if none is negative. All
    eigenvalues for small networks; the two ends where the spectrum is real; else what Arnoldi's
    method has found: those named to a relative residual of 1e-10, or 1e-6 where they crowd.

    Parameters
    ----------
    net, x, potentials, beta : as for `eigenvalues`

    Returns
    -------
    ndarray, shape (batch, any), in units of 1/tau; complex where some are

    Raises
    ------
    ConvergenceError
        If the iteration does not get there, and the network is too wide for a dense matrix.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((3, 60, 60, 2), cancellation=0.5, rng=np.random.default_rng(0))
    >>> silent = tuple(np.zeros((1, n)) for n in net.sizes[1:])
    >>> ends, all_of_them = (f(net, np.zeros((1, 3)), silent) for f in (outermost, eigenvalues))
    >>> bool(np.allclose(ends, [[all_of_them.min(), all_of_them.max()]]))
    True
    """
    near = Linearisation(net, x, potentials, beta)
    if _is_small(near):
        return _eigenvalues(near)
    return _together([_outermost(part) for part in _parts(near)])


def _outermost(near):
    system = near if near.reduced is None else near.reduced
    if near.is_symmetric:
        ends, errors = krylov.real_ends(
            system.symmetric_loop, *system.shape, tol=_TOL, max_steps=_STEPS,
            lowest=system is near,
        )  # fmt: skip
        awaited = errors if system is near else errors[:, 1:]
        if (awaited <= _TOL * np.abs(ends).max(axis=1, keepdims=True)).all():
            if system is near:
                return 1.0 - ends[:, ::-1]
            return _both_roots(np.maximum(ends[:, 1:], 0.0))
    values, errors = _arnoldi(near, _deciding, _TOL)
    failed = np.flatnonzero(errors > _GOOD_ENOUGH)
    if len(failed) and system.shape[1] > _LARGEST_MATRIX:
        raise ConvergenceError(
            f"spectrum: got a residual of {errors.max():.2g} after {_STEPS} Krylov steps, expected "
            f"{_GOOD_ENOUGH:g} or below: the outermost eigenvalues lie close together, and a "
            f"network of {near.shape[1]} units is too wide for a dense matrix (at most "
            f"{_LARGEST_MATRIX}). Take a narrower network, or feedback=None for transposed weights"
        )
    found = [values[[i]] for i in range(len(values))]
    for i in failed:
        found[i] = _eigenvalues(near.samples([i]))
    return _together(found)


def _arnoldi(near, deciding, tol):
    """Eigenvalues of dR/du from a Krylov space, of its reduction if there is one; their errors."""
    if near.reduced is None:
        return krylov.outermost(
            near.product, *near.shape, dtype=near.dtype, deciding=deciding, tol=tol,
            max_steps=_STEPS,
        )  # fmt: skip
    half = near.reduced

    def counts(mu):  # an error of mu is one of its root, the smaller the root the more
        size = np.abs(mu)
        largest = size.max(axis=1, keepdims=True)
        return np.sqrt(largest / np.maximum(size, _NONE * largest + np.finfo(float).tiny))

    loops, errors = krylov.outermost(
        lambda v: half.loop(half.slopes * v), *half.shape, dtype=near.dtype, tol=tol,
        deciding=lambda mu: deciding(_both_roots(mu)) % mu.shape[1],
        counts=counts, max_steps=_STEPS,
    )  # fmt: skip
    return _both_roots(loops), errors


def _both_roots(mu):
    """The eigenvalues of dR/du that belong to those of the loop through every other layer."""
    roots = np.emath.sqrt(mu)
    return np.concatenate([1.0 - roots, 1.0 + roots], axis=1)


def _deciding(values):
    """Where the eigenvalues stand that `outermost` promises, shape (batch, any)."""
    size = np.maximum(np.abs(values), np.finfo(float).tiny)
    measures = [size, -values.real, -values.real / size**2]
    measures += [np.abs(1.0 - dt * values) for dt in (0.25, 0.5, 0.75, 1.0, 1.5)]
    return np.stack([measure.argmax(axis=1) for measure in measures], axis=1)


def _parts(near):
    """The samples, as many at a time as their Krylov spaces leave room for."""
    n_samples, n = (near if near.reduced is None else near.reduced).shape
    n_parts = -(-n_samples * n * _STEPS // _AT_ONCE)
    if n_parts <= 1:
        return [near]
    return [
        near.samples(rows) for rows in np.array_split(np.arange(n_samples), n_parts) if len(rows)
    ]


def _together(parts):
    """Rows of different lengths in one array, the short ones filled with their own first value."""
    width = max(part.shape[1] for part in parts)
    fill = [np.repeat(part[:, :1], width - part.shape[1], axis=1) for part in parts]
    return np.concatenate([np.hstack(pair) for pair in zip(parts, fill, strict=True)])


def radii(eigenvalues, dt):
    """Spectral radius of I - dt dR/du of each sample, from eigenvalues of dR/du."""
    return np.abs(1.0 - dt * eigenvalues).max(axis=-1)


def dt_limits(eigenvalues):
    r"""Largest stable step of each sample: the smallest ``2 Re(z) / |z|^2``, shape (batch,).

    Negative where an eigenvalue has a negative real part: then no step is small enough.
    """
    size = np.abs(eigenvalues) ** 2
    return (2.0 * eigenvalues.real / np.where(size > 0.0, size, np.inf)).min(axis=-1)


def attracts(net, x, potentials, *, beta=0.0):
    """Whether a fixed point attracts: no eigenvalue of dR/du with a real part of 0 or below.

    Asks for no eigenvalue where a bound shows that there is none.

    Parameters
    ----------
    net, x, potentials, beta : as for `eigenvalues`

    Returns
    -------
    ndarray of bool, shape (batch,)

    Raises
    ------
    ConvergenceError
        As `outermost`.

    Examples
    --------
    >>> from sevenconditions.network import Network
    >>> net = Network(weights=[[[1.0]], [[1.5]]], biases=[[0.0], [0.0]], activation="linear")
    >>> attracts(net, np.zeros((1, 1)), (np.zeros((1, 1)),) * 2)
    array([False])
    """
    real = all(np.isrealobj(part) for part in (*potentials, np.asarray(beta)))
    if real and np.min(beta) >= 0.0 and loop_norm(net) < 1.0:
        return np.ones(len(x), dtype=bool)
    near = Linearisation(net, x, potentials, beta)
    if not _is_small(near) and near.dtype.kind == "f":
        if (_stiffness(near) > 0.0).all():
            return np.ones(len(x), dtype=bool)
        lowest, error = _lowest(near)
        if (np.abs(lowest) > 10.0 * error).all():  # whatever the digits, the sign is known
            return lowest > 0.0
    return outermost(net, x, potentials, beta=beta).real.min(axis=1) > 0.0


def _lowest(near):
    """The lowest real part of an eigenvalue, about, and its error."""
    found = []
    for part in _parts(near):
        values, errors = _arnoldi(part, lambda v: v.real.argmin(axis=1)[:, None], 1e-2)
        found.append((values.real.min(axis=1), errors * np.abs(values).max(axis=1)))
    return (np.concatenate(rows) for rows in zip(*found, strict=True))


def _stiffness(near):
    """A bound below all real parts: the lowest eigenvalue of the symmetric part, in the metric."""
    highest = []
    for part in _parts(near):
        halved = part.is_symmetric and part.reduced is not None
        ends, errors = krylov.real_ends(
            part.reduced.symmetric_loop if halved else part.twice_symmetric_part,
            *(part.reduced if halved else part).shape,
            tol=1e-3, max_steps=_STEPS, lowest=False,
        )  # fmt: skip
        top = ends[:, 1] + errors[:, 1]
        highest.append(np.sqrt(np.maximum(top, 0.0)) if halved else 0.5 * top)
    return 1.0 - np.concatenate(highest)
