r"""Outermost eigenvalues of a whole batch of operators, from products alone.

An operator is a function that takes one vector a sample, shape (batch, n), and returns its product
with each. All samples advance together, one large product a step, yet each has a Krylov space of
its own: nothing of it depends on its neighbours.
"""

import numpy as np

# A loop of ARPACK (scipy.sparse.linalg.eigsh, eigs) over the samples was measured: 2 to 7 times as
# long at 138 units; 0.75 to 2 times at 1034, and it finds one kind of end a call, where several
# decide.

_EXHAUSTED = 1e-13  # a new direction this small, relative to its product, is rounding
_FIRST_LOOK = 16  # directions of a space before it is asked for an answer


def real_ends(apply, n_samples, n, *, tol, max_steps, lowest=True):
    """Smallest and largest eigenvalue of each symmetric operator, by Lanczos.

    Parameters
    ----------
    apply : callable                ndarray -> ndarray, shape (n_samples, n)
    n_samples, n : int
    tol : float > 0                 Relative to the larger of the two.
    max_steps : int >= 1            Fewer where the space is exhausted.
    lowest : bool                   False waits for the largest alone.

    Returns
    -------
    ends, errors : ndarray, shape (n_samples, 2)

    Source
    ------
    Lanczos 1950, J. Res. Natl. Bur. Stand. 45:255-282.

    Examples
    --------
    >>> ends, _ = real_ends(lambda v: v * [1.0, 2.0, 5.0], 1, 3, tol=1e-9, max_steps=3)
    >>> ends.round(9)
    array([[1., 5.]])
    """
    space = _Space(_start(n_samples, n), max_steps)
    for k in space.grow(apply):
        inside = space.projected[:, :k, :k]
        lonely = np.arange(k) >= space.steps[:, None]
        # any number within the spectrum does where there is no direction
        inside = inside + np.where(lonely, inside[:, :1, 0], 0.0)[:, :, None] * np.eye(k)
        values, vectors = np.linalg.eigh(0.5 * (inside + inside.transpose(0, 2, 1)))
        beyond = space.projected[:, k, k - 1, None] * np.abs(vectors[:, -1, :])
        ends, left = values[:, [0, -1]], beyond[:, [0, -1]]
        gaps = np.abs(values[:, [min(1, k - 1), max(k - 2, 0)]] - ends)
        squared = np.divide(left**2, gaps, where=gaps > left, out=left.copy())
        errors = np.minimum(left, squared)
        awaited = errors if lowest else errors[:, 1:]
        if (awaited <= tol * np.abs(ends).max(axis=1, keepdims=True)).all():
            break
    return ends, errors


def outermost(apply, n_samples, n, *, dtype, deciding, tol, max_steps, counts=np.ones_like):
    """Eigenvalues of each operator, the outermost among them, by Arnoldi's method.

    Parameters
    ----------
    apply : callable                ndarray -> ndarray, shape (n_samples, n)
    n_samples, n : int
    dtype : dtype                   Of the operators.
    deciding : callable
        From eigenvalues, shape (n_samples, n_steps), to the indices of those that must be exact.
    tol : float > 0                 Relative to the largest.
    max_steps : int >= 1
    counts : callable
        From eigenvalues to how much an error of each counts, at least 0.

    Returns
    -------
    eigenvalues : ndarray of complex, shape (n_samples, n_steps)
    errors : ndarray, shape (n_samples,)
        The largest residual of those that decide, relative to the largest eigenvalue.

    Source
    ------
    Arnoldi 1951, Q. Appl. Math. 9:17-29.

    Examples
    --------
    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> found, _ = outermost(lambda v: v @ turn.T, 1, 2, dtype=float, tol=1e-9, max_steps=2,
    ...                      deciding=lambda values: np.abs(values).argmax(axis=1)[:, None])
    >>> np.sort(found.imag).round(9)
    array([[-1.,  1.]])
    """
    space = _Space(_start(n_samples, n).astype(dtype), max_steps)
    for k in space.grow(apply):
        values, errors = np.empty((n_samples, k), complex), np.zeros(n_samples)
        for steps in np.unique(np.minimum(space.steps, k)):
            rows = np.flatnonzero(np.minimum(space.steps, k) == steps)
            found, vectors = np.linalg.eig(space.projected[rows, :steps, :steps])
            beyond = space.projected[rows, steps, steps - 1, None] * np.abs(vectors[:, -1, :])
            beyond = beyond * counts(found)
            deciders = np.take_along_axis(beyond, deciding(found), axis=1).max(axis=1)
            scale = np.maximum(np.abs(found).max(axis=1), np.finfo(float).tiny)
            errors[rows] = np.abs(deciders) / scale
            values[rows, :steps], values[rows, steps:] = found, found[:, :1]
        if (errors <= tol).all():
            break
    return values, errors


class _Space:
    """An orthonormal basis of each sample's Krylov space, and the operator within it.

    steps counts the directions that a sample has; the basis vectors beyond are zero.
    """

    def __init__(self, start, max_steps):
        n_samples, n = start.shape
        self.max_steps = min(max_steps, n)
        self.basis = np.empty((n_samples, self.max_steps + 1, n), start.dtype)
        shape = (n_samples, self.max_steps + 1, self.max_steps)
        self.projected = np.zeros(shape, start.dtype)
        size = np.sqrt(_dot(start, start))
        self.steps = np.where(size > 0.0, self.max_steps, 0)
        self.basis[:, 0] = _scaled(start, size)

    def grow(self, apply):
        """Add directions; yield their number whenever it is worth a look, which costs as much."""
        look = _FIRST_LOOK
        for k in range(self.max_steps):
            new = apply(self.basis[:, k])
            so_far, before = self.basis[:, : k + 1], np.sqrt(_dot(new, new))
            for _ in range(2):  # once would leave the basis oblique
                share = (so_far.conj() @ new[:, :, None])[:, :, 0]
                new = new - (share[:, None, :] @ so_far)[:, 0]
                self.projected[:, : k + 1, k] += share
            size = np.sqrt(_dot(new, new))
            size[size <= _EXHAUSTED * before] = 0.0
            self.steps[(size == 0.0) & (self.steps > k + 1)] = k + 1
            self.projected[:, k + 1, k] = size
            self.basis[:, k + 1] = _scaled(new, size)
            if k + 1 in (look, self.max_steps) or not size.any():
                yield k + 1
                look += look // 2
            if not size.any():
                return


def _start(n_samples, n):
    """One direction of no meaning, the same whenever asked."""
    return np.tile(np.random.default_rng(0).standard_normal(n), (n_samples, 1))


def _scaled(vectors, sizes):
    """Vectors of length 1; zero where the size is zero."""
    inverse = np.divide(1.0, sizes, where=sizes > 0.0, out=np.zeros_like(sizes))
    return vectors * inverse[:, None]


def _dot(a, b):
    return np.einsum("bn,bn->b", a.conj(), b).real
