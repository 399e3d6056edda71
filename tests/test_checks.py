"""Guards: what is refused, and that the message names the argument."""

import numpy as np
import pytest

from sevenconditions import checks


@pytest.mark.parametrize("value", [np.nan, np.inf, "0.5", None, True, [1.0], 0.0, -1])
def test_a_number_out_of_range_is_refused_by_name(value):
    with pytest.raises(ValueError, match="dt: got .* expected a finite number above 0"):
        checks.number("dt", value, above=0)


@pytest.mark.parametrize("value", [0.3, 1, np.float32(2), np.array(0.5)])
def test_a_number_of_any_real_kind_passes(value):
    assert checks.number("dt", value, above=0) == pytest.approx(float(value))


@pytest.mark.parametrize("value", [1.0, -1, True, "3"])
def test_a_whole_number_is_checked(value):
    with pytest.raises(ValueError, match="max_steps: got"):
        checks.whole_number("max_steps", value, at_least=1)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros((3, 2)), r"x: got shape \(3, 2\), expected \(any, 4\)"),
        (np.zeros((0, 4)), "x: got an empty array"),
        ("text", "x: got 'text', expected numbers"),
        ([["a", "b"]], "x: got .* expected numbers"),
        (
            np.full((2, 4), np.nan),
            r"x: got 8 NaN or infinite value\(s\), the first at index \(0, 0\)",
        ),
        (np.zeros((1, 2, 4)), r"x: got shape \(1, 2, 4\)"),
        (None, "x: got"),
    ],
)
def test_a_batch_says_what_came_and_what_was_expected(value, says):
    with pytest.raises(ValueError, match=says):
        checks.batch("x", value, 4)


def test_a_single_sample_becomes_a_batch_of_one_and_is_copied():
    x = np.arange(3.0)
    rows = checks.batch("x", x, 3)
    rows[0, 0] = 9.0
    assert rows.shape == (1, 3)
    assert x[0] == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_take_the_number_type_of_a_network(dtype):
    rows = np.arange(3, dtype=dtype)
    assert checks.batch("x", [1, 2, 3], 3, dtype=dtype).dtype == dtype
    assert checks.nudge("beta", [0.1, 0.2], 2, dtype=dtype).dtype == dtype
    assert checks.nudge("beta", [0.1, 0.2j], 2, dtype=dtype).dtype == np.result_type(dtype, 1j)
    assert type(checks.nudge("beta", 0.1, 2, dtype=dtype)) is float
    copied = checks.array("x", rows, (3,), dtype=dtype)
    assert copied.dtype == dtype
    assert not np.shares_memory(copied, rows)
    assert type(checks.array("x", np.ma.masked_array(rows), (3,), dtype=dtype)) is np.ndarray


@pytest.mark.parametrize("value", [np.array([1j]), [1j], np.complex64([1])])
def test_complex_numbers_are_refused_where_real_ones_belong(value):
    for dtype in (np.float64, np.float32):
        with pytest.raises(ValueError, match="x: got complex numbers, expected real numbers"):
            checks.array("x", value, (1,), dtype=dtype)
    assert checks.array("x", value, (1,), dtype=np.complex64).dtype == np.complex64


def test_an_array_that_is_empty_or_of_another_shape_says_which():
    with pytest.raises(
        ValueError, match=r"x: got an empty array of shape \(0, 2\), expected \(any, 2\)"
    ):
        checks.fits("x", np.zeros((0, 2)), (-1, 2))
    with pytest.raises(ValueError, match=r"x: got shape \(0, 3\), expected \(any, 2\)"):
        checks.fits("x", np.zeros((0, 3)), (-1, 2))
    with pytest.raises(ValueError, match=r"x: got shape \(2, 1\), expected \(2,\)"):
        checks.fits("x", np.zeros((2, 1)), (2,))
