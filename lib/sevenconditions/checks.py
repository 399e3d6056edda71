"""Guards with teaching messages: what came, what was expected, how to mend it."""

import numbers

import numpy as np

_ROUNDINGS = 2.0  # left in a residual at rest, in units of rounding; measured: 0.4 to 1.2
_EPS32 = float(np.finfo(np.float32).eps)


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
    real = isinstance(value, numbers.Real) or (isinstance(value, np.ndarray) and value.ndim == 0)
    if not isinstance(value, bool) and real and np.isfinite(value):
        too_low = (above is not None and value <= above) or (
            at_least is not None and value < at_least
        )
        if not too_low and (at_most is None or value <= at_most):
            return float(value)
    limits = [("above", above), ("of at least", at_least), ("of at most", at_most)]
    wanted = "a finite number " + " and ".join(f"{w} {b:g}" for w, b in limits if b is not None)
    raise ValueError(f"{name}: got {_glimpse(value)}, expected {wanted.strip()}")


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


def array(name, value, shape, *, dtype=np.float64, copy=True):
    """Return a copy of `value` as float64 (or `dtype`) with the given shape; -1 is any size >= 1.

    Without `copy`, an array of that kind is returned itself: for those who only read it.

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
    if isinstance(value, np.ndarray) and value.dtype == dtype:
        result = np.array(value) if copy else value
    else:
        result = _converted(name, value, dtype)
    fits(name, result, shape)
    if not np.isfinite(result).all():
        bad = np.argwhere(~np.isfinite(result))
        raise ValueError(
            f"{name}: got {len(bad)} NaN or infinite value(s), the first at index "
            f"{tuple(bad[0].tolist())}, expected finite numbers"
        )
    return result


def _converted(name, value, dtype):
    if value is None or (np.iscomplexobj(value) and np.dtype(dtype).kind != "c"):
        kind = "None" if value is None else "complex numbers"
        raise ValueError(f"{name}: got {kind}, expected real numbers in an array")
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused as infinite
            return np.array(value, dtype=dtype)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {_glimpse(value)}, expected numbers in an array") from None


def fits(name, value, shape):
    """Raise ValueError unless an array is not empty and has the shape; -1 stands for any size.

    Examples
    --------
    >>> fits("x", np.zeros((1, 2)), (-1, 2))
    """
    fitting = value.ndim == len(shape) and all(map(_fits, shape, value.shape))
    if fitting and value.size:
        return
    wanted = "(" + ", ".join("any" if n < 0 else str(n) for n in shape) + ")"
    if len(shape) == 1:
        wanted = wanted.replace(")", ",)")
    got = f"an empty array of shape {value.shape}" if fitting else f"shape {value.shape}"
    raise ValueError(f"{name}: got {got}, expected {wanted}")


def _fits(wanted, got):
    return wanted in (-1, got)


def batch(name, value, width, *, dtype=np.float64):
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
    return array(name, [value] if flat and len(value) else value, (-1, width), dtype=dtype)


def like(dtype, value):
    """The number type `dtype` of a network, made complex where `value` is.

    Examples
    --------
    >>> like(np.float32, 1.0), like(np.float32, 1j)
    (dtype('float32'), dtype('complex64'))
    """
    return np.result_type(dtype, 1j) if np.iscomplexobj(value) else np.dtype(dtype)


def reachable(tol, dtype, size):
    r"""The tolerance itself, or what float32 can reach where that is more.

    .. math:: \max(\mathrm{tol},\ 2\,\epsilon\,(1 + |u|))

    A tolerance for float64 is taken as it is.

    Parameters
    ----------
    tol : float
    dtype : numpy dtype         Of the network.
    size : float or ndarray     Of the state, the largest ``|u|``; an array holds one a sample.

    Returns
    -------
    float or ndarray, as `size`

    Examples
    --------
    >>> reachable(1e-12, np.float64, 1.0), round(reachable(1e-12, np.float32, 1.0), 9)
    (1e-12, 4.77e-07)
    """
    if dtype != np.float32:
        return tol
    lifted = np.maximum(tol, _ROUNDINGS * _EPS32 * (1.0 + np.asarray(size, dtype=np.float64)))
    return lifted if lifted.ndim else float(lifted)


def nudge(name, value, n_samples, *, dtype=np.float64):
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
    return result.astype(like(dtype, result), copy=False) if result.ndim else result.item()


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
