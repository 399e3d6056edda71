"""The gradient record and the ways of comparing two of them: direction and size."""

from typing import NamedTuple

import numpy as np


class Gradient(NamedTuple):
    r"""dC/dtheta, or an estimate of it: subtract it to learn.

    Parameters
    ----------
    weights : tuple of ndarray, shape (n_{l+1}, n_l) for l = 0 .. L-1
    biases : tuple of ndarray, shape (n_{l+1},) for l = 0 .. L-1

    Examples
    --------
    >>> g = Gradient((np.ones((2, 1)),), (np.zeros(2),))
    >>> g.flat()
    array([1., 1., 0., 0.])
    """

    weights: tuple
    biases: tuple

    def flat(self):
        """All entries in one vector, weights first."""
        return np.concatenate([np.ravel(part) for part in (*self.weights, *self.biases)])

    def layer(self, index):
        """The part that belongs to weight layer `index` (its weights and its bias)."""
        return Gradient((self.weights[index],), (self.biases[index],))

    def minus(self, other, *, over=1.0):
        """(self - other) / over, entry by entry: the contrast of two phases.

        Examples
        --------
        >>> g = Gradient((np.ones((1, 1)),), (np.ones(1),))
        >>> g.minus(g, over=0.1).flat()
        array([0., 0.])
        """
        return Gradient(
            tuple((a - b) / over for a, b in zip(self.weights, other.weights, strict=True)),
            tuple((a - b) / over for a, b in zip(self.biases, other.biases, strict=True)),
        )


def _vector(gradient):
    return gradient.flat() if isinstance(gradient, Gradient) else np.ravel(gradient)


def cosine(a, b):
    """Cosine of the angle between two gradients (or arrays); NaN if one of them is zero.

    Examples
    --------
    >>> float(cosine([1.0, 0.0], [1.0, 1.0]).round(4))
    0.7071
    """
    a, b = _vector(a), _vector(b)
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return np.clip(a @ b / norms, -1.0, 1.0) if norms > 0 else np.float64("nan")


def angle_deg(a, b):
    """Angle between two gradients (or arrays), in degrees; NaN if one of them is zero.

    Taken from the difference of the unit vectors, so that angles below 1e-6 degrees survive.

    Examples
    --------
    >>> float(angle_deg([1.0, 0.0], [0.0, 2.0]).round(6))
    90.0
    """
    a, b = _vector(a), _vector(b)
    length_a, length_b = np.linalg.norm(a), np.linalg.norm(b)
    if length_a == 0 or length_b == 0:
        return np.float64("nan")
    a, b = a / length_a, b / length_b
    return np.degrees(2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b)))


def relative_error(estimate, reference):
    """Return ``|estimate - reference| / |reference|``: direction and size in one number.

    Examples
    --------
    >>> float(relative_error([1.1, 0.0], [1.0, 0.0]).round(6))
    0.1
    """
    estimate, reference = _vector(estimate), _vector(reference)
    return np.linalg.norm(estimate - reference) / np.linalg.norm(reference)


def norm_ratio(estimate, reference):
    """Return ``|estimate| / |reference|``: the size that a cosine does not see.

    Examples
    --------
    >>> float(norm_ratio([2.0, 0.0], [0.0, 1.0]))
    2.0
    """
    return np.linalg.norm(_vector(estimate)) / np.linalg.norm(_vector(reference))
