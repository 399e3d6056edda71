"""Direct feedback and targets: exact under stated conditions, another direction without them."""

import numpy as np
import pytest
from networks import SMOOTH, example

import sevenconditions as sc
from sevenconditions.targets import (
    difference_target_propagation,
    direct_feedback,
    direct_feedback_alignment,
    layer_inverse,
    layer_targets,
    pseudo_inverse,
    transposed_jacobian,
)

DEPTHS = [(6, 7, 4), (6, 8, 7, 4), (6, 5, 7, 6, 4), (6, 5, 7, 6, 5, 3)]
ODD = [(6, 4), (1, 1), (1, 1, 1), (3, 1, 1, 2), (1, 4, 1)]
ESTIMATES = {
    "direct_feedback_alignment": direct_feedback_alignment(),
    "pseudo_inverse": difference_target_propagation(),
    "transposed_jacobian": difference_target_propagation(inverse=transposed_jacobian),
}


def off(estimate, net, x, y):
    """Relative error against backprop."""
    return sc.relative_error(estimate(net, x, y), sc.backprop(net, x, y))


def angles(estimate, net, x, y):
    """Angle to backprop of every weight layer, in degrees."""
    found, true = estimate(net, x, y), sc.backprop(net, x, y)
    return np.array([sc.angle_deg(found.layer(i), true.layer(i)) for i in range(net.n_layers)])


def paths(net, x):
    """dv_L/dv_l of the forward pass for l = 1 .. L-1, one matrix a sample, and the output."""
    rates, slopes = [x], []
    for w, b, phi in zip(net.weights, net.biases, net.phis, strict=True):
        drive = rates[-1] @ w.T + b
        slopes.append(phi.derivative(drive))
        rates.append(phi(drive))
    path, result = np.eye(net.sizes[-1])[None], []
    for i in reversed(range(1, net.n_layers)):
        path = (path * slopes[i][:, None, :]) @ net.weights[i]
        result.append(path)
    return result[::-1], rates


def orthonormal(sizes, seed, activation):
    """A network whose weights have orthonormal rows; no layer wider than the one below."""
    rng = np.random.default_rng(seed)
    pairs = zip(sizes[:-1], sizes[1:], strict=True)
    weights = [np.linalg.qr(rng.standard_normal((m, n)))[0].T for m, n in pairs]
    net = sc.Network(
        weights=weights, biases=[0.1 * rng.standard_normal(n) for n in sizes[1:]],
        activation=activation,
    )  # fmt: skip
    return net, rng.standard_normal((6, sizes[0])), rng.standard_normal((6, sizes[-1]))


def step_down(net, gradient, rate):
    return net.replace(
        weights=[w - rate * g for w, g in zip(net.weights, gradient.weights, strict=True)],
        biases=[b - rate * g for b, g in zip(net.biases, gradient.biases, strict=True)],
        feedback=None,
    )


# Direct feedback


@pytest.mark.parametrize("activation", SMOOTH)
def test_along_the_transposed_path_direct_feedback_is_backprop(activation):
    for seed in range(3):
        net, x, y = example(seed, sizes=(6, 7, 4), activation=activation, output=activation)
        matrices = [None, net.weights[1].T]
        assert sc.relative_error(
            direct_feedback(net, x, y, matrices), sc.backprop(net, x, y)
        ) < 1e-14  # fmt: skip


@pytest.mark.parametrize("sizes", DEPTHS)
def test_in_a_linear_net_of_any_depth_one_matrix_a_layer_suffices(sizes):
    net, x, y = example(1, sizes=sizes, activation="linear", gain=0.8)
    matrices = [None, *(path[0].T for path in paths(net, x)[0])]
    assert sc.relative_error(direct_feedback(net, x, y, matrices), sc.backprop(net, x, y)) < 1e-13
    if len(sizes) > 3:  # with tanh the path differs from sample to sample
        net = net.replace(activation="tanh")
        assert sc.relative_error(
            direct_feedback(net, x, y, matrices), sc.backprop(net, x, y)
        ) > 0.03  # fmt: skip


def test_through_random_matrices_hidden_layers_start_at_right_angles():
    net, x, y = example(0, sizes=(20, 200, 200, 200, 10), gain=1.0, n_samples=32)
    seen = np.array([angles(direct_feedback_alignment(seed), net, x, y) for seed in range(5)])
    assert np.abs(seen[:, :-1].mean(axis=0) - 90).max() < 3
    assert np.abs(seen[:, :-1] - 90).max() < 10
    assert seen[:, -1].max() < 1e-5  # the output layer is exact


def test_training_turns_the_weights_towards_the_matrices():
    for seed in range(3):
        net, x, y = example(seed, sizes=(8, 20, 20, 5), gain=0.1, n_samples=40)
        rule = direct_feedback_alignment(seed)
        before = angles(rule, net, x, y)
        for _ in range(100):
            net = step_down(net, rule(net, x, y), 0.1)
        after = angles(rule, net, x, y)
        assert after[:2].mean() < 70 < 80 < before[:2].mean()


def test_the_matrices_depend_on_seed_and_widths_alone():
    net, x, y = example(0)
    rule = direct_feedback_alignment(seed=3)
    first = rule.matrices(net)
    trained = step_down(net, rule(net, x, y), 0.5)
    np.random.default_rng(5).standard_normal(10)
    for mine, again in zip(first[1:], rule.matrices(trained)[1:], strict=True):
        np.testing.assert_array_equal(mine, again)
    for mine, louder in zip(
        first[1:], direct_feedback_alignment(3, gain=2.0).matrices(net)[1:], strict=True
    ):
        np.testing.assert_array_equal(2.0 * mine, louder)
    assert np.abs(first[1] - direct_feedback_alignment(4).matrices(net)[1]).max() > 0.1
    assert [None if b is None else b.shape for b in first] == [None, (10, 5), (8, 5)]
    wide, _, _ = example(0, sizes=(3, 400, 100))
    assert direct_feedback_alignment(gain=0.5).matrices(wide)[1].std() == pytest.approx(
        0.05, rel=0.02
    )


# Targets


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("sizes", DEPTHS + ODD)
def test_through_transposed_jacobians_targets_are_backprop_at_every_step(sizes, activation):
    net, x, y = example(2, sizes=sizes, activation=activation, output=activation, gain=0.8)
    for step in (1.0, 0.1, 1e-3):
        estimate = difference_target_propagation(step, transposed_jacobian)
        assert off(estimate, net, x, y) < 1e-15 / step + 1e-14


@pytest.mark.parametrize("seed", range(3))
def test_through_pseudo_inverses_orthonormal_rows_and_linear_units_are_needed(seed):
    estimate = difference_target_propagation()
    for sizes in [(8, 8, 7, 6, 5), (6, 5, 4, 2), (5, 5, 5, 5)]:
        assert off(estimate, *orthonormal(sizes, seed, "linear")) < 1e-13
        assert off(estimate, *orthonormal(sizes, seed, "tanh")) > 0.05
        assert off(estimate, *example(seed, sizes=sizes, activation="linear", gain=0.8)) > 0.05


def test_through_pseudo_inverses_of_gaussian_weights_the_early_layers_turn_most():
    cosines = []
    for seed in range(7):
        net, x, y = example(seed, gain=0.8, n_samples=32)
        found, true = difference_target_propagation()(net, x, y), sc.backprop(net, x, y)
        cosines.append([sc.cosine(found.layer(i), true.layer(i)) for i in range(3)])
    first, second, output = np.median(cosines, axis=0)
    assert first < 0.5 < second < 0.9
    assert output == pytest.approx(1.0, abs=1e-12)


def test_in_an_invertible_net_the_targets_are_gauss_newton_steps():
    for activation in SMOOTH:
        net, x, y = example(3, sizes=(5, 5, 5, 5), activation=activation, gain=0.9)
        targets = layer_targets(net, x, y, step=0.2)
        jacobians, rates = paths(net, x)
        error = -0.2 * (rates[-1] - y)
        for i, jacobian in enumerate(jacobians):
            wanted = np.einsum("bij,bj->bi", np.linalg.inv(jacobian), error)
            np.testing.assert_allclose(
                targets[i] - rates[i + 1], wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max()
            )


def test_where_layers_narrow_reaching_a_target_reaches_the_output_target():
    net, x, y = example(4, sizes=(8, 8, 7, 6, 5), activation="linear", gain=0.8)
    targets = layer_targets(net, x, y, step=0.5)
    for i, target in enumerate(targets[:-1]):
        v = target
        for w, b in zip(net.weights[i + 1 :], net.biases[i + 1 :], strict=True):
            v = v @ w.T + b
        np.testing.assert_allclose(v, targets[-1], atol=1e-10)
    transposed = layer_targets(net, x, y, step=0.5, inverse=transposed_jacobian)
    reached = transposed[-2] @ net.weights[-1].T + net.biases[-1]
    assert np.abs(reached - transposed[-1]).max() > 0.05


def test_the_step_matters_only_to_an_inverse_that_is_not_linear():
    net, x, y = example(1, sizes=(5, 5, 5, 5), gain=0.8)
    linear = difference_target_propagation(0.1)(net, x, y)
    other = difference_target_propagation(1.0)(net, x, y)
    assert sc.relative_error(other, linear) < 1e-12
    steps = [1e-2, 1e-3, 1e-4]
    gaps = [
        sc.relative_error(difference_target_propagation(s, layer_inverse)(net, x, y), linear)
        for s in steps
    ]
    assert np.polyfit(np.log(steps), np.log(gaps), 1)[0] == pytest.approx(1.0, abs=0.1)


def test_the_difference_takes_out_what_an_inverse_always_gets_wrong():
    net, x, y = example(2)

    def biased(net, index, drive):
        back = pseudo_inverse(net, index, drive)
        return lambda above: back(above) + 3.0

    assert sc.relative_error(
        difference_target_propagation(inverse=biased)(net, x, y),
        difference_target_propagation()(net, x, y),
    ) < 1e-12  # fmt: skip


# All of them


@pytest.mark.parametrize("name", ESTIMATES)
@pytest.mark.parametrize("sizes", [(8, 10, 8, 5), *ODD])
def test_a_batch_is_the_mean_of_its_samples_and_nothing_is_modified(name, sizes):
    net, x, y = example(1, sizes=sizes)
    x.setflags(write=False)
    y.setflags(write=False)
    whole = ESTIMATES[name](net, x, y)
    parts = [ESTIMATES[name](net, a, b).flat() for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(whole.flat(), np.mean(parts, axis=0), rtol=1e-9, atol=1e-12)
    assert [w.shape for w in whole.weights] == [w.shape for w in net.weights]
    assert [b.shape for b in whole.biases] == [b.shape for b in net.biases]


@pytest.mark.parametrize("name", ESTIMATES)
def test_what_does_not_fit_is_refused(name):
    net, x, y = example(0)
    for bad_x, bad_y, says in (
        (x[:, :3], y, "x: got shape"),
        (x, y[:2], "y: got 2 samples"),
        (x, y * np.inf, "y: got .* infinite"),
        (x, None, "y: got None"),
    ):
        with pytest.raises(ValueError, match=says):
            ESTIMATES[name](net, bad_x, bad_y)


def test_other_arguments_out_of_range_are_refused():
    net, x, y = example(0)
    flat = lambda net, index, drive: lambda above: above
    for call, says in (
        (lambda: direct_feedback_alignment(-1), "seed: got -1"),
        (lambda: direct_feedback_alignment(0.5), "seed: got 0.5"),
        (lambda: direct_feedback_alignment(gain=0), "gain: got 0"),
        (lambda: direct_feedback(net, x, y, [None]), "matrices: got 1 entries"),
        (lambda: direct_feedback(net, x, y, [None, np.ones((10, 5)), np.ones((5, 8))]),
         r"matrices\[2\]: got shape"),
        (lambda: difference_target_propagation(0), "step: got 0"),
        (lambda: difference_target_propagation(np.nan), "step: got nan"),
        (lambda: difference_target_propagation(inverse="pinv"), "inverse: got 'pinv'"),
        (lambda: layer_targets(net, x, y, step=-1), "step: got -1"),
        (lambda: layer_targets(net, x, y, inverse=None), "inverse: got None"),
        (lambda: layer_targets(net, x, y, inverse=flat), r"got shape \(6, 5\) for layer 2"),
        (lambda: difference_target_propagation(50.0, layer_inverse)(net, x, y), "smaller step"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            call()
