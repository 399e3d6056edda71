"""The record: shapes, defaults, immutability, messages."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc


def test_feedback_defaults_to_the_transposed_weights():
    net, *_ = example(0)
    assert net.feedback[0] is None
    for weight, back in zip(net.weights[1:], net.feedback[1:], strict=True):
        np.testing.assert_array_equal(back, weight.T)


def test_gain_keeps_the_size_of_the_input():
    net = sc.layered((400, 400), gain=1.0, rng=np.random.default_rng(0))
    assert np.std(net.weights[0]) * np.sqrt(400) == pytest.approx(1.0, rel=0.01)


def test_arrays_are_copied_and_read_only():
    weight = np.ones((1, 2))
    net = sc.Network(weights=[weight], biases=[[0.0]])
    weight[0, 0] = 5.0
    assert net.weights[0][0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        net.weights[0][0, 0] = 2.0
    with pytest.raises(AttributeError):
        net.cancellation = 0.5


def test_replace_changes_one_field_and_validates_again():
    net, *_ = example(0)
    assert net.replace(feedback_gain=0.5).metric == (4.0, 2.0, 1.0)
    with pytest.raises(ValueError, match="cancellation: got 2, expected .* of at most 1"):
        net.replace(cancellation=2)
    with pytest.raises(ValueError, match="expected fields among"):
        net.replace(gain=1.0)


def test_replacing_weights_keeps_feedback_unless_told_to_transpose():
    net, *_ = example(0)
    doubled = [2 * w for w in net.weights]
    np.testing.assert_array_equal(net.replace(weights=doubled).feedback[1], net.feedback[1])
    np.testing.assert_array_equal(
        net.replace(weights=doubled, feedback=None).feedback[1], 2 * net.feedback[1]
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"weights": []}, "weights: got"),
        ({"weights": "abc"}, "weights: got 'abc'"),
        ({"biases": []}, "biases: got"),
        ({"biases": [[0.0]]}, "biases: got 1 layers, expected 2"),
        ({"biases": [[0.0, 0.0], [0.0]]}, r"biases\[0\]: got shape \(2,\), expected \(3,\)"),
        ({"weights": [np.ones((3, 2)), np.ones((1, 4))]}, r"weights\[1\]: got shape \(1, 4\)"),
        ({"weights": [np.full((3, 2), np.nan), np.ones((1, 3))]}, r"weights\[0\]: got 6 NaN"),
        (
            {"feedback": [None, np.ones((1, 3))]},
            r"feedback\[1\]: got shape \(1, 3\), expected \(3, 1\)",
        ),
        ({"feedback": [None, None]}, "feedback: got None above layer 1"),
        ({"feedback": [None]}, "feedback: got 1 entries, expected 2"),
        ({"lateral": [np.eye(2), None, None]}, r"lateral\[0\]: got a matrix, expected None"),
        ({"activation": "relu"}, "activation: got 'relu'"),
        ({"feedback_gain": 0}, "feedback_gain: got 0, expected a finite number above 0"),
        ({"cancellation": "1"}, "cancellation: got '1'"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(options, says):
    fitting = {"weights": [np.ones((3, 2)), np.ones((1, 3))], "biases": [np.zeros(3), np.zeros(1)]}
    with pytest.raises(ValueError, match=says):
        sc.Network(**fitting | options)


@pytest.mark.parametrize(
    ("sizes", "options", "says"),
    [
        ((3,), {}, "sizes: got"),
        ((3, 0), {}, r"sizes\[1\]: got 0"),
        ((3, 2.5), {}, r"sizes\[1\]: got 2.5"),
        ((3, 2), {"gain": -1}, "gain: got -1"),
        ((3, 2), {"bias": "x"}, "bias: got 'x'"),
        ((3, 2), {"rng": 0}, "rng: got 0, expected numpy.random.default_rng"),
    ],
)
def test_layered_refuses_what_it_cannot_draw(sizes, options, says):
    with pytest.raises(ValueError, match=says):
        sc.layered(sizes, **{"rng": np.random.default_rng(0)} | options)
