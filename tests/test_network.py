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


def test_replace_keeps_the_very_arrays_that_do_not_change():
    net, *_ = example(0)
    changed = net.replace(cancellation=1.0, biases=[np.zeros(10), net.biases[1], np.ones(5)])
    assert changed.cancellation == 1.0
    assert net.cancellation == 0.0
    for name in ("weights", "feedback", "lateral"):
        assert all(a is b for a, b in zip(getattr(net, name), getattr(changed, name), strict=True))
    assert changed.biases[1] is net.biases[1]
    np.testing.assert_array_equal(changed.biases[0], 0.0)


def test_replace_copies_and_freezes_what_comes_from_outside():
    net, *_ = example(0)
    weight = np.ones((10, 8))
    weight.setflags(write=False)  # a caller may lift this again
    changed = net.replace(weights=[weight, *net.weights[1:]])
    assert not np.shares_memory(changed.weights[0], weight)
    assert not any(
        part.flags.writeable for part in (*changed.weights, *changed.biases, *changed.feedback[1:])
    )


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cancellation": 0.0},
        {"cancellation": 0, "feedback_gain": 1},
        {"feedback": None},
        {"lateral": None},
        {"activation": "tanh", "output": "linear"},
    ],
)
def test_replacing_a_field_by_what_it_is_returns_the_same_network(change):
    net, *_ = example(0)
    assert net.replace(**change) is net
    assert net.replace(weights=net.weights, biases=list(net.biases), **change) is net


def test_replace_is_not_fooled_by_equal_or_missing_parts():
    net, *_ = example(0)
    other = net.replace(weights=[w.copy() for w in net.weights])
    assert other is not net
    assert net.replace(lateral=[None, np.zeros((10, 10)), None, None]) is not net
    assert net.replace(activation="logistic").replace(activation="tanh") is not net
    shorter = net.replace(
        weights=net.weights[:2], biases=net.biases[:2], feedback=None, lateral=None
    )
    assert shorter.sizes == (8, 10, 8)
    assert len(shorter.feedback) == 2
    assert len(shorter.lateral) == 3
    first = net.replace(
        weights=net.weights[:1], biases=net.biases[:1], feedback=[None], lateral=None
    )
    assert first.sizes == (8, 10)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": [np.ones((9, 8))]}, "biases: got 3 layers, expected 1"),
        (
            {"weights": [np.ones((9, 8)), np.ones((8, 9)), np.ones((5, 8))]},
            r"biases\[0\]: got shape \(10,\), expected \(9,\)",
        ),
        ({"weights": "abc"}, "weights: got 'abc'"),
        ({"biases": [np.zeros(10), np.zeros(8), np.full(5, np.nan)]}, r"biases\[2\]: got 5 NaN"),
        ({"feedback": [None, None, None]}, "feedback: got None above layer 1"),
        ({"lateral": [None]}, "lateral: got 1 entries, expected 4"),
        ({"feedback_gain": 0.0}, "feedback_gain: got 0.0"),
        ({"output": "relu"}, "activation: got 'relu'"),
    ],
)
def test_replace_refuses_what_the_network_would(change, says):
    net, *_ = example(0)
    with pytest.raises(ValueError, match=says):
        net.replace(**change)


def test_arrays_of_the_network_in_another_place_are_checked_there():
    net, *_ = example(0)
    with pytest.raises(
        ValueError, match=r"weights\[1\]: got shape \(10, 8\), expected \(any, 10\)"
    ):
        net.replace(weights=[net.weights[0], net.weights[0], net.weights[2]])
    with pytest.raises(ValueError, match=r"feedback\[1\]: got shape \(8, 10\)"):
        net.replace(feedback=[None, net.weights[1], net.feedback[2]])


def test_transposed_feedback_is_the_weights_themselves_through_any_replacement():
    net, *_ = example(0)
    random = sc.feedback.random()(net)
    for again in (net, net.replace(cancellation=1.0), random.replace(feedback=None)):
        for back, weight in zip(again.feedback[1:], again.weights[1:], strict=True):
            assert back.base is weight
        assert again.feedback_is_transposed
    assert random.replace(feedback=None).feedback_is_transposed
    assert not random.feedback_is_transposed


def test_feedback_and_lateral_matrices_may_come_one_by_one():
    net, *_ = example(0)
    again = sc.Network(
        weights=net.weights,
        biases=net.biases,
        feedback=(2.0 * b if b is not None else None for b in net.feedback),
        lateral=(None for _ in net.sizes),
    )
    np.testing.assert_array_equal(again.feedback[1], 2.0 * net.feedback[1])


def test_whether_feedback_is_transposed_is_told_by_its_entries():
    square = np.arange(4.0).reshape(2, 2)
    parts = {"weights": [np.eye(2), square], "biases": [np.zeros(2)] * 2}
    assert sc.Network(**parts, feedback=[None, square.T]).feedback_is_transposed
    assert sc.Network(**parts, feedback=[None, square.T.copy()]).feedback_is_transposed
    assert not sc.Network(**parts, feedback=[None, square]).feedback_is_transposed
    moved = sc.Network(**parts).replace(weights=[np.eye(2), square + 1.0])
    assert not moved.feedback_is_transposed  # views of the weights as they were
    assert not moved.replace(cancellation=1.0).is_symmetric
    assert moved.replace(feedback=None).is_symmetric


def test_settings_that_hold_already_return_the_network_itself():
    net, *_ = example(0)
    lateral = net.replace(lateral=[None, np.eye(10), None, None])
    assert sc.architecture.hopfield(net) is net
    assert sc.architecture.matched(sc.architecture.matched(net)).cancellation == 1.0
    matched = sc.architecture.matched(net)
    assert sc.architecture.matched(matched) is matched
    assert sc.feedback.transposed(net) is net
    assert sc.ALL_HOLD.energy(lateral) is lateral


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
