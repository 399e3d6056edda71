"""Guards with teaching messages: what came, what was expected, how to mend it."""

import numbers

import numpy as np


class ConvergenceWarning(RuntimeWarning):
    """The network did not settle; the message names radius, residual and what to try."""


class BasinWarning(RuntimeWarning):
    """A nudged state lies too far from the free one to be its continuation in beta."""


class PrecisionWarning(RuntimeWarning):
    """The nudge is too small for the number of digits that the states carry."""


class ConvergenceError(RuntimeError):
    """A result was asked for that only a settled, stable network can give."""


def number(name, value, *, above=None, at_least=None, at_most=None):
    """Return `value` as a float, or say which argument is wrong and why.

    Raises
    ------
    ValueError
        If `value` is not a finite real number inside the stated range.

    Examples
    --------
    >>> number("dt", 0.5, above=0)
    0.5
    >>> number("dt", -1, above=0)
    Traceback (most recent call last):
    ValueError: dt: got -1, expected a finite number above 0
    """
    limits = [("above", above), ("of at least", at_least), ("of at most", at_most)]
    wanted = "a finite number " + " and ".join(f"{w} {b:g}" for w, b in limits if b is not None)
    real = isinstance(value, numbers.Real) or (isinstance(value, np.ndarray) and value.ndim == 0)
    if isinstance(value, bool) or not real or not np.isfinite(value):
        raise ValueError(f"{name}: got {_glimpse(value)}, expected {wanted.strip()}")
    too_low = (above is not None and value <= above) or (at_least is not None and value < at_least)
    if too_low or (at_most is not None and value > at_most):
        raise ValueError(f"{name}: got {value!r}, expected {wanted}")
    return float(value)


def whole_number(name, value, *, at_least=0):
    """Return `value` as an int, or raise ValueError naming the argument.

    Examples
    --------
    >>> whole_number("max_steps", 10, at_least=1)
    10
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < at_least:
        raise ValueError(f"{name}: got {value!r}, expected a whole number of at least {at_least}")
    return int(value)


def array(name, value, shape, *, dtype=np.float64):
    """Return a copy of `value` as float64 (or `dtype`) with the given shape; -1 is any size >= 1.

    Raises
    ------
    ValueError
        If `value` is not numeric, has another shape, is empty, or holds NaN or infinity.

    Examples
    --------
    >>> array("x", [[1, 2]], (-1, 2))
    array([[1., 2.]])
    >>> array("x", [[1, 2]], (-1, 3))
    Traceback (most recent call last):
    ValueError: x: got shape (1, 2), expected (any, 3)
    """
    if value is None or (np.iscomplexobj(value) and dtype is np.float64):
        kind = "None" if value is None else "complex numbers"
        raise ValueError(f"{name}: got {kind}, expected real numbers in an array")
    try:
        result = np.array(value, dtype=dtype)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {_glimpse(value)}, expected numbers in an array") from None
    wanted = "(" + ", ".join("any" if n < 0 else str(n) for n in shape) + ")"
    if len(shape) == 1:
        wanted = wanted.replace(")", ",)")
    fits = result.ndim == len(shape) and all(
        n in (-1, m) for n, m in zip(shape, result.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"{name}: got shape {result.shape}, expected {wanted}")
    if result.size == 0:
        raise ValueError(f"{name}: got an empty array of shape {result.shape}, expected {wanted}")
    if not np.isfinite(result).all():
        bad = np.argwhere(~np.isfinite(result))
        raise ValueError(
            f"{name}: got {len(bad)} NaN or infinite value(s), the first at index "
            f"{tuple(bad[0].tolist())}, expected finite numbers"
        )
    return result


def batch(name, value, width):
    """Return `value` as rows of samples, shape (batch, width); one sample becomes a batch of one.

    Examples
    --------
    >>> batch("x", [1, 2, 3], 3).shape
    (1, 3)
    """
    flat = np.ndim(value) == 1 if not isinstance(value, str) else False
    if flat and len(value) not in (0, width):
        raise ValueError(
            f"{name}: got shape ({len(value)},), expected (any, {width}) or ({width},): rows are "
            "samples; classes are one-hot, as np.eye(n)[classes]"
        )
    return array(name, [value] if flat and len(value) else value, (-1, width))


def nudge(name, value, n_samples):
    """Return a nudge as float or complex, or as one of them a sample; infinity clamps.

    Raises
    ------
    ValueError
        If it is no number or NaN, if an array does not hold one number a sample, or if only some
        samples are clamped.

    Examples
    --------
    >>> nudge("beta", 1, 3), nudge("beta", 0.1j, 3)
    (1.0, 0.1j)
    >>> nudge("beta", [0.1, 0.2], 3)
    Traceback (most recent call last):
    ValueError: beta: got shape (2,), expected one number or one for each of 3 samples
    """
    try:
        result = np.array(value, dtype=np.complex128)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {_glimpse(value)}, expected a number") from None
    if isinstance(value, bool) or np.isnan(result).any():
        raise ValueError(f"{name}: got {_glimpse(value)}, expected a number that is not NaN")
    if result.shape == (n_samples, 1):
        result = result[:, 0]
    if result.shape not in ((), (n_samples,)):
        raise ValueError(
            f"{name}: got shape {result.shape}, expected one number or one for each of "
            f"{n_samples} samples"
        )
    if np.isinf(result).any() and not (np.isinf(result).all() and (result.real > 0).all()):
        raise ValueError(
            f"{name}: got {_glimpse(value)}, expected +inf for all samples or for none"
        )
    if not result.imag.any():
        result = result.real
    return result if result.ndim else result.item()


def network(value):
    """Raise ValueError unless `value` looks like a `Network`."""
    if not hasattr(value, "sizes"):
        kind = type(value).__name__
        raise ValueError(f"net: got {kind}, expected a Network, as from layered(...)")


def pairs(x, y):
    """Raise ValueError unless `x` and `y` hold the same number of samples."""
    if len(x) != len(y):
        raise ValueError(f"y: got {len(y)} samples, expected {len(x)}, one for each row of x")


def same_samples(x, state):
    """Raise ValueError unless a state has one sample for each row of `x`."""
    if len(state.potentials[0]) != len(x):
        raise ValueError(
            f"state: got {len(state.potentials[0])} samples, expected {len(x)}, one for each row "
            "of x"
        )


def _glimpse(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
