"""Rules written for one place give what the whole-network functions give, and say what is wrong."""

import numpy as np
import pytest
from networks import example

import sevenconditions as sc
from sevenconditions import contrast, rules
from sevenconditions.nudging import holomorphic


def products(pre_free, post_free, pre_nudged, post_nudged, beta):
    return (pre_free * post_free - pre_nudged * post_nudged) / beta


def post_end(pre_free, post_free, post_nudged, beta):
    return (post_free - post_nudged) * pre_free / beta


@pytest.mark.parametrize("cancellation", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("mine", "theirs"), [(products, contrast.contrastive_hebbian), (post_end, contrast.post_change)]
)
def test_a_line_for_one_synapse_is_the_rule_for_the_network(mine, theirs, cancellation):
    net, x, y = example(1)
    own = rules.local(mine, cancellation=cancellation)
    usual = own.estimate._replace(contrast=theirs)
    difference = sc.relative_error(
        sc.estimate_gradient(net, x, y, own), sc.estimate_gradient(net, x, y, usual)
    )
    assert difference < 1e-6


def test_a_layer_at_a_time_is_the_same():
    net, x, y = example(2)

    def layer(post_free, pre_free, post_nudged, pre_nudged, beta):
        return (np.outer(post_free, pre_free) - np.outer(post_nudged, pre_nudged)) / beta

    by_layer = sc.estimate_gradient(net, x, y, rules.local(layer, whole_layers=True))
    by_synapse = sc.estimate_gradient(net, x, y, rules.local(products))
    assert sc.relative_error(by_layer, by_synapse) < 1e-12


def test_the_weight_is_the_synapses_own():
    net, x, y = example(3)
    own = sc.estimate_gradient(net, x, y, rules.local(lambda weight: weight))
    assert all(np.allclose(a, b) for a, b in zip(own.weights, net.weights, strict=True))
    assert all(np.allclose(a, b) for a, b in zip(own.biases, net.biases, strict=True))


def test_arithmetic_by_entries_is_local_and_a_sum_over_others_is_not():
    net, x, y = example(4)
    read = sc.take_phases(net, x[:1], y[:1], rules.local(products).estimate)
    assert contrast.is_local(rules.local(products).estimate.contrast, read)

    def normalised(pre_free, post_free):
        return post_free * pre_free / pre_free.sum()

    assert not contrast.is_local(rules.local(normalised).estimate.contrast, read)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda pre_free, weights: 0, "asks for weights; a synapse sees pre_free"),
        (lambda net, x, y: 0, "condition 5"),
        (3, "expected a function"),
    ],
)
def test_what_a_synapse_does_not_see_is_refused(rule, words):
    with pytest.raises(ValueError, match=words):
        rules.local(rule)


def test_another_shape_and_no_numbers_are_refused():
    net, x, y = example(5)
    with pytest.raises(ValueError, match="that of what it was given"):
        sc.estimate_gradient(net, x, y, rules.local(lambda pre_free: pre_free.ravel()[:2]))
    with pytest.raises(ValueError, match="NaN"):
        sc.estimate_gradient(net, x, y, rules.local(lambda pre_free: pre_free * np.nan))
    with pytest.raises(rules.Unwritten):
        sc.estimate_gradient(net, x, y, rules.local(lambda pre_free: None))


def test_one_hop_makes_a_backward_pass():
    net, x, y = example(6)
    mine = rules.by_hops(lambda delta, feedback, slope: slope * (feedback @ delta))
    assert sc.relative_error(mine(net, x, y), sc.backprop(net, x, y)) < 1e-12


def test_products_on_both_sides_of_rest_have_an_error_of_second_order():
    net, x, y = example(7)
    errors = [
        sc.relative_error(
            sc.estimate_gradient(
                net, x, y, rules.of_products(lambda m, free, p, b: (m - p) / (2 * b), beta=beta)
            ),
            sc.backprop(net, x, y),
        )
        for beta in (0.02, 0.01)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, abs=0.2)


def test_a_full_circle_is_the_half_circle_of_the_library():
    net, x, y = example(8)
    mine = rules.on_circle(lambda turn, beta: -1 / (len(turn) * turn * beta), beta=0.05, points=4)
    usual = mine.estimate._replace(nudging=holomorphic(0.05, 4))
    found = [sc.estimate_gradient(net, x, y, recipe) for recipe in (mine, usual)]
    assert sc.relative_error(*found) < 1e-10
