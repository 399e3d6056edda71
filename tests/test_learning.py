"""Training: it learns, it can be stopped and resumed without a trace, and it says what is wrong."""

import builtins
import json
import os
import sys
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import sevenconditions as sc
from sevenconditions import exact, learning, progress
from sevenconditions.architecture import hopfield
from sevenconditions.learning import Data, digits, train
from sevenconditions.recipe import ALL_HOLD

SIZES = (64, 64, 32, 10)


def feedback_alignment(net, x, y):
    """Backprop, but errors travel back through `net.feedback` instead of the transposed weights."""
    drives, rates = [], [x]
    for weight, bias, phi in zip(net.weights, net.biases, net.phis, strict=True):
        drives.append(rates[-1] @ weight.T + bias)
        rates.append(phi(drives[-1]))
    deltas = [net.output.derivative(drives[-1]) * (rates[-1] - y) / len(x)]
    for i in reversed(range(1, net.n_layers)):
        slope = net.activation.derivative(drives[i - 1])
        deltas.insert(0, slope * (deltas[0] @ net.feedback[i].T))
    weights = tuple(delta.T @ below for delta, below in zip(deltas, rates[:-1], strict=True))
    return sc.Gradient(weights, tuple(delta.sum(axis=0) for delta in deltas))


def random_feedback(net, rng):
    """Feedback of the size of the weights; in the other memory order, which BLAS can see."""
    shapes = [w.shape for w in net.weights[1:]]
    drawn = [rng.standard_normal(shape).T / np.sqrt(shape[0]) for shape in shapes]
    return net.replace(feedback=[None, *drawn])


@dataclass(frozen=True)
class Entry:
    """What an entry of the zoo looks like from here: a rule, and what else it does to the net."""

    prepare: object = None
    follow: object = None
    name: str = "entry"

    def __call__(self, net, x, y):
        return feedback_alignment(net, x, y)


def kolen_pollack(before, after, x, *, decay, rng):
    """Feedback takes the same step and the same decay as the weights."""
    pairs = zip(before.weights[1:], after.weights[1:], before.feedback[1:], strict=True)
    followed = [(1 - decay) * back + (new - (1 - decay) * old).T for old, new, back in pairs]
    return after.replace(feedback=[None, *followed])


def mirror(before, after, x, *, decay, rng):
    """Feedback learns the weights from noise sent through them."""
    followed = []
    for weight, back in zip(after.weights[1:], after.feedback[1:], strict=True):
        noise = rng.standard_normal((50, weight.shape[1]))
        followed.append(0.9 * back + 0.1 * noise.T @ (noise @ weight.T) / 50)
    return after.replace(feedback=[None, *followed])


RULES = {
    "backprop": sc.backprop,
    "fixed": Entry(prepare=random_feedback),
    "kolen_pollack": Entry(prepare=random_feedback, follow=kolen_pollack),
    "mirror": Entry(prepare=random_feedback, follow=mirror),
}
DECAYING = {"epochs": 3, "batch": 6, "learning_rate": 0.2, "decay": 0.01, "seed": 5}
CALLS = 1 + 3 * (4 + 1)  # of the rule: one to measure, then four batches and one to measure


def tiny(seed=0, sizes=(3, 5, 4, 2)):
    """A network and 20 samples of two classes, so that batches of 6 leave one of 2."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((28, sizes[0]))
    y = np.eye(2)[(x[:, 0] * x[:, 1] > 0).astype(int)][:, : sizes[-1]]
    return sc.layered(sizes, gain=1.0, rng=rng), Data(x[:20], y[:20], x[20:], y[20:])


def stopped(rule, call, error=KeyboardInterrupt):
    """The same rule, with somebody pressing Ctrl-C during one call of it."""

    class Stopped(type(rule) if isinstance(rule, Entry) else object):
        calls = 0
        name = learning._name(rule)

        def __call__(self, net, x, y):
            type(self).calls += 1
            if type(self).calls == call:
                raise error
            return rule(net, x, y)

    return Stopped(rule.prepare, rule.follow) if isinstance(rule, Entry) else Stopped()


def assert_same_bits(history, other):
    """Every array of two histories is the same to the last bit."""
    for name in ("loss", "accuracy", "angle"):
        np.testing.assert_array_equal(getattr(history, name), getattr(other, name), strict=True)
    parts, others = learning._parts(history.net), learning._parts(other.net)
    assert parts.keys() == others.keys()
    for name, part in parts.items():
        np.testing.assert_array_equal(part, others[name], strict=True)
    assert history.settings == other.settings


# --- It learns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_backprop_learns_the_digits(seed):
    net = sc.layered(SIZES, gain=1.0, rng=np.random.default_rng(seed))
    history = train(
        net, digits(seed), sc.backprop, epochs=20, batch=16, learning_rate=0.2, seed=seed
    )
    assert history.accuracy[0] < 0.3
    assert history.accuracy[-1] >= 0.96
    assert history.loss[-1] < 0.1 * history.loss[0]
    np.testing.assert_array_equal(history.angle, np.zeros((21, 3)))


def test_feedback_alignment_turns_the_weights_until_random_feedback_is_useful():
    data, net = digits(), sc.layered(SIZES, gain=1.0, rng=np.random.default_rng(0))
    net = random_feedback(net, np.random.default_rng(1))
    history = train(net, data, feedback_alignment, epochs=15, learning_rate=0.2)
    assert (abs(history.angle[0, :2] - 90) < 15).all()
    assert (history.angle[-1, :2] < history.angle[0, :2] - 20).all()
    assert (history.angle[:, 2] < 1e-6).all()  # the output layer needs no feedback
    assert history.accuracy[-1] > 0.93
    for before, after in zip(net.feedback[1:], history.net.feedback[1:], strict=True):
        np.testing.assert_array_equal(before, after)


def test_kolen_pollack_feedback_forgets_its_start_at_the_rate_of_the_decay():
    net = sc.layered(SIZES, gain=1.0, rng=np.random.default_rng(0))
    net = random_feedback(net, np.random.default_rng(1))
    decay, entry = 2e-3, Entry(follow=kolen_pollack)
    history = train(net, digits(), entry, epochs=4, learning_rate=0.2, decay=decay)
    left = (1 - decay) ** (4 * 45)
    for layer in (1, 2):
        first, last = (n.feedback[layer] - n.weights[layer].T for n in (net, history.net))
        assert sc.relative_error(last, left * first) < 1e-10
        assert sc.relative_error(history.net.weights[layer], net.weights[layer]) > 0.3
    assert history.accuracy[-1] > 0.85


def test_a_step_is_the_one_of_the_formula():
    net, data = tiny()
    net = net.replace(biases=[np.full(n, 0.5) for n in net.sizes[1:]])
    history = train(net, data, sc.backprop, epochs=1, batch=20, learning_rate=0.3, decay=0.1)
    slope = sc.backprop(net, data.x_train, data.y_train)
    for i in range(net.n_layers):
        np.testing.assert_allclose(
            history.net.weights[i], 0.9 * net.weights[i] - 0.3 * slope.weights[i], rtol=1e-12
        )
        np.testing.assert_allclose(
            history.net.biases[i], net.biases[i] - 0.3 * slope.biases[i], rtol=1e-12
        )


def test_every_epoch_sees_every_sample_once_in_an_order_of_its_own():
    net, data = tiny()
    seen = []

    def watching(net, x, y):
        seen.append(x)
        return sc.backprop(net, x, y)

    train(net, data, watching, epochs=2, batch=6, angles=False)
    assert [len(x) for x in seen] == [6, 6, 6, 2] * 2
    orders = [np.concatenate(seen[:4]), np.concatenate(seen[4:])]
    assert (orders[0] != orders[1]).any()
    for order in orders:
        np.testing.assert_array_equal(np.unique(order, axis=0), np.unique(data.x_train, axis=0))


def test_the_angle_is_measured_on_the_same_samples_each_time(monkeypatch):
    monkeypatch.setattr(learning, "PROBE", 5)
    net, data = tiny()
    seen = []

    def watching(net, x, y):
        seen.append(x)
        return sc.backprop(net, x, y)

    train(net, data, watching, epochs=2, batch=20)
    assert [len(x) for x in seen] == [5, 20, 5, 20, 5]
    for x in seen[2::2]:
        np.testing.assert_array_equal(x, seen[0])


def test_transposed_feedback_stays_transposed_and_other_feedback_stays():
    net, data = tiny()
    tied = train(net, data, sc.backprop, epochs=2).net
    assert tied.feedback_is_transposed and (tied.weights[1] != net.weights[1]).all()
    free = random_feedback(net, np.random.default_rng(0))
    for recipe, start in ((sc.backprop, free), (Entry(prepare=lambda net, rng: net), net)):
        trained = train(start, data, recipe, epochs=2).net
        np.testing.assert_array_equal(trained.feedback[1], start.feedback[1])


def test_loss_and_accuracy_are_those_of_the_network_that_learns():
    net, data = tiny()
    forward = train(net, data, sc.backprop, epochs=0)
    assert forward.loss[0] == pytest.approx(
        exact.feedforward_loss(net, data.x_test, data.y_test), rel=1e-12
    )
    equilibrium = exact.equilibrium_loss(net, data.x_test, data.y_test)
    assert abs(equilibrium - forward.loss[0]) > 0.01
    by_recipe = train(net, data, ALL_HOLD._replace(architecture=hopfield), epochs=0)
    for settled in (train(net, data, sc.recurrent_backprop, epochs=0, settled=True), by_recipe):
        assert settled.loss[0] == pytest.approx(equilibrium, rel=1e-8)
    best = sc.free_phase(net, data.x_test).rates[-1].argmax(axis=1)
    assert settled.accuracy[0] == (best == data.y_test.argmax(axis=1)).mean()


def test_a_recipe_whose_conditions_all_hold_learns_as_backprop_does():
    net, data = tiny()
    history, wanted = (train(net, data, rule, **DECAYING) for rule in (ALL_HOLD, sc.backprop))
    assert history.angle.max() < 1e-3
    np.testing.assert_allclose(history.loss, wanted.loss, rtol=1e-6)
    assert history.settings.rule == "recipe()" and not history.settings.settled


def test_targets_that_are_not_classes_have_no_accuracy():
    net, data = tiny()
    for y_test in (2.0 * data.y_test, data.y_test * 0.0, data.y_test + 0.5):
        history = train(net, data._replace(y_test=y_test), sc.backprop, epochs=1)
        assert np.isnan(history.accuracy).all() and np.isfinite(history.loss).all()
        assert "accuracy" not in repr(history)
        assert history.to_dict()["accuracy"] == [None, None]


# --- One seed, one result -----------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_one_seed_gives_one_result_and_touches_nothing_else(name):
    net, data = tiny()
    data = Data(*(part.copy() for part in data))
    for part in data:
        part.setflags(write=False)
    copies, world = [part.copy() for part in data], repr(np.random.get_state())  # noqa: NPY002
    first, second = (train(net, data, RULES[name], **DECAYING) for _ in range(2))
    assert_same_bits(first, second)
    assert repr(np.random.get_state()) == world  # noqa: NPY002
    for part, copy in zip(data, copies, strict=True):
        np.testing.assert_array_equal(part, copy)
    other = train(net, data, RULES[name], **DECAYING | {"seed": 6})
    assert (first.loss[1:] != other.loss[1:]).all()


def test_a_rule_may_write_into_its_batch_without_harm():
    net, data = tiny()

    def careless(net, x, y):
        gradient = sc.backprop(net, x, y)
        x[:], y[:] = 0.0, 0.0
        return gradient

    history, other = (train(net, data, rule, **DECAYING) for rule in (careless, sc.backprop))
    np.testing.assert_array_equal(history.loss, other.loss)


def test_all_randomness_comes_from_seed_epoch_and_batch():
    net, data = tiny()
    drawn = []

    def drawing(place):
        def draw(net, *args, rng, **kwargs):
            drawn.append((place, rng.random()))
            return sc.backprop(net, *args[:2]) if place == "estimate" else net

        return draw

    entry = Entry(lambda net, rng: drawing("prepare")(net, rng=rng), drawing("follow"))
    for seed in (0, 1):
        settings = DECAYING | {"seed": seed, "estimate": drawing("estimate")}
        train(net, data, entry, **settings)
        train(net, data, entry, **settings)
    runs = np.reshape([number for _, number in drawn], (4, -1))
    np.testing.assert_array_equal(runs[::2], runs[1::2])
    assert len(set(runs.ravel())) == runs[::2].size  # every draw is another one
    assert [place for place, _ in drawn[:4]] == ["prepare", "estimate", "estimate", "follow"]
    assert drawn[2][1] == np.random.default_rng([0, 1, 1]).random()  # epoch 1, batch 1


@pytest.mark.parametrize("seed", range(2))
def test_the_digits_are_split_by_class_and_scaled_by_the_training_part(seed):
    data = digits(seed, test_share=0.25)
    assert [part.shape for part in data] == [(1347, 64), (1347, 10), (450, 64), (450, 10)]
    assert abs(data.x_train.mean(axis=0)).max() < 1e-12
    assert (data.x_train**2).mean() == pytest.approx(1.0)
    assert abs(data.y_train.mean(axis=0) - data.y_test.mean(axis=0)).max() < 2e-3
    assert (data.x_test != digits(seed + 1, test_share=0.25).x_test).any()


# --- Stopped and resumed ------------------------------------------------------------------------


@pytest.mark.parametrize("call", range(1, CALLS + 1))
@pytest.mark.parametrize("name", RULES)
def test_a_run_stopped_anywhere_and_resumed_has_the_bits_of_one_never_stopped(name, call, tmp_path):
    net, data = tiny()
    whole, path = train(net, data, RULES[name], **DECAYING), tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt) as stop:
        train(net, data, stopped(RULES[name], call), **DECAYING, save=path)
    assert "Go on with the same call and resume=" in stop.value.__notes__[0]
    assert os.listdir(tmp_path) == ["run.npz"]
    assert_same_bits(train(net, data, RULES[name], **DECAYING, resume=path), whole)


def test_a_run_may_be_stopped_again_and_again(tmp_path):
    net, data = tiny(sizes=(3, 1, 4, 1))
    whole, path = train(net, data, RULES["mirror"], **DECAYING), tmp_path / "run.npz"
    resume = {"save": path}
    for _ in range(CALLS - 1):
        with pytest.raises(KeyboardInterrupt):
            train(net, data, stopped(RULES["mirror"], 2), **DECAYING, **resume)
        resume = {"resume": path}
    assert_same_bits(train(net, data, RULES["mirror"], **DECAYING, **resume), whole)


@pytest.mark.parametrize("name", RULES)
def test_a_finished_run_can_be_read_back_and_made_longer(name, tmp_path):
    net, data = tiny()
    path = tmp_path / "run.npz"
    short = train(net, data, RULES[name], **DECAYING | {"epochs": 1}, save=path)
    never = stopped(RULES[name], 1, AssertionError)
    again = train(net, data, never, **DECAYING | {"epochs": 1}, resume=path)
    assert_same_bits(again, short)
    kept, longer = path.read_bytes(), tmp_path / "longer.npz"
    whole = train(net, data, RULES[name], **DECAYING)
    assert_same_bits(train(net, data, RULES[name], **DECAYING, resume=path, save=longer), whole)
    assert path.read_bytes() == kept
    assert_same_bits(train(net, data, RULES[name], **DECAYING, resume=longer), whole)
    with pytest.raises(ValueError, match="epochs: got 1, but .* is in epoch 4 already, .* least 3"):
        train(net, data, RULES[name], **DECAYING | {"epochs": 1}, resume=longer)


def test_a_run_stopped_within_an_epoch_is_not_cut_short(tmp_path):
    net, data = tiny()
    with pytest.raises(KeyboardInterrupt):
        train(net, data, stopped(sc.backprop, 9), **DECAYING, save=tmp_path / "run.npz")
    with pytest.raises(ValueError, match="got 1, but .* is in epoch 2 already, .* at least 2"):
        train(net, data, sc.backprop, **DECAYING | {"epochs": 1}, resume=tmp_path / "run.npz")


def test_without_a_file_the_interrupt_says_how_to_keep_the_next_run():
    net, data = tiny()
    with pytest.raises(KeyboardInterrupt) as stop:
        train(net, data, stopped(sc.backprop, 8), **DECAYING)
    assert stop.value.__notes__ == [
        "Stopped in epoch 2 after batch 1. "
        'Nothing was kept: give save="run.npz" to be able to go on another time.'
    ]


@pytest.mark.parametrize(("place", "name"), [(np, "savez"), (os, "fsync"), (os, "replace")])
def test_a_save_that_fails_leaves_what_was_saved_before(place, name, tmp_path, monkeypatch):
    net, data = tiny()
    path = tmp_path / "run.npz"
    train(net, data, sc.backprop, **DECAYING | {"epochs": 1}, save=path)
    kept = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space left"):
        patch.setattr(place, name, full)
        train(net, data, sc.backprop, **DECAYING, resume=path)
    assert path.read_bytes() == kept and os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch": 7}, "made with batch=6, now 7"),
        ({"seed": 6}, "made with seed=5, now 6"),
        ({"learning_rate": 0.3}, "made with learning_rate=0.2, now 0.3"),
        ({"decay": 0.0, "batch": 5}, "made with batch=6, now 5; decay=0.01, now 0.0:"),
        ({"angles": False}, "made with angles=True, now False"),
        ({"settled": True}, "made with settled=False, now True"),
        ({"recipe": feedback_alignment}, "rule='backprop', now 'feedback_alignment'"),
        (
            {"net": tiny(sizes=(3, 6, 2))[0]},
            r"sizes=\(3, 5, 4, 2\), now \(3, 6, 2\); another start",
        ),
        ({"net": tiny(seed=1)[0]}, "made with another starting network: give the same"),
        ({"net": tiny()[0].replace(output="tanh")}, "made with another starting network"),
        ({"net": tiny()[0].replace(cancellation=1.0)}, "made with another starting network"),
        ({"data": tiny(seed=1)[1]}, "made with other data: give the same"),
    ],
)
def test_resuming_with_other_settings_names_the_difference(changes, says, tmp_path):
    net, data = tiny()
    train(net, data, sc.backprop, **DECAYING, save=tmp_path / "run.npz")
    now = {"net": net, "data": data, "recipe": sc.backprop} | DECAYING | changes
    with pytest.raises(ValueError, match=says):
        train(**now, resume=tmp_path / "run.npz")


def foreign(tmp_path):
    """Files that are none of ours."""
    files = {name: tmp_path / name for name in ("empty", "text", "array", "arrays", "objects")}
    files["empty"].write_bytes(b"")
    files["text"].write_text("epoch,loss\n1,0.5\n")
    with open(files["array"], "wb") as file:
        np.save(file, np.ones(3))
    with open(files["arrays"], "wb") as file:
        np.savez(file, format="something else", loss=np.ones(3))
    with open(files["objects"], "wb") as file:
        np.savez(file, format=np.array([{"a": 1}], dtype=object))
    return files.values()


def test_a_file_of_another_kind_is_refused(tmp_path):
    net, data = tiny()
    for path in foreign(tmp_path):
        with pytest.raises(ValueError, match=f"resume: '.*{path.name}' is damaged or not a kept"):
            train(net, data, sc.backprop, **DECAYING, resume=path)
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        train(net, data, sc.backprop, **DECAYING, resume=tmp_path / "nowhere.npz")


def test_a_damaged_file_is_refused_or_read_to_the_same_bits(tmp_path):
    net, data = tiny()
    path, damaged = tmp_path / "run.npz", tmp_path / "damaged.npz"
    whole = train(net, data, sc.backprop, **DECAYING, save=path)
    kept, refused = path.read_bytes(), 0
    for place in np.random.default_rng(0).permutation(len(kept))[:200]:
        damaged.write_bytes(kept[:place])
        with pytest.raises(ValueError, match="damaged or not a kept training"):
            train(net, data, sc.backprop, **DECAYING, resume=damaged)
        damaged.write_bytes(kept[:place] + bytes([kept[place] ^ 16]) + kept[place + 1 :])
        try:  # some bytes mean nothing, a time for example
            assert_same_bits(train(net, data, sc.backprop, **DECAYING, resume=damaged), whole)
        except ValueError as error:
            assert "damaged or not a kept training" in str(error)
            refused += 1
    assert refused > 100


def test_a_file_that_contradicts_itself_is_refused(tmp_path):
    net, data = tiny()
    path = tmp_path / "run.npz"
    train(net, data, sc.backprop, **DECAYING, save=path)
    with np.load(path, allow_pickle=False) as stored:
        kept = dict(stored)
    for changes in (
        {"epoch": 3},
        {"batch": 5},
        {"weights_1": np.ones((4, 6))},
        {"biases_0": np.full(5, np.nan)},
        {"settings": "{}"},
    ):
        np.savez(path, **kept | changes)
        with pytest.raises(ValueError, match="damaged or not a kept training"):
            train(net, data, sc.backprop, **DECAYING, resume=path)


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"epochs": -1}, "epochs: got -1, expected a whole number of at least 0"),
        ({"batch": 0}, "batch: got 0, expected a whole number of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate: got 0.0, expected a finite number above 0"),
        ({"decay": 1.5}, "decay: got 1.5"),
        ({"seed": -1}, "seed: got -1"),
        ({"save": "no/such/folder/run.npz"}, "save: got .* expected a file in a folder that exis"),
        ({"recipe": "backprop"}, "recipe: got 'backprop', expected a Recipe"),
        ({"recipe": None}, "recipe: got None"),
        ({"data": np.ones((20, 3))}, r"data: got ndarray, expected Data\(x_train"),
        ({"data": (np.ones((20, 3)),) * 3}, "data: got tuple, expected Data"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, says):
    net, data = tiny()
    with pytest.raises(ValueError, match=says):
        train(**{"net": net, "data": data, "recipe": sc.backprop} | changes)


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("x_train", np.ones((20, 4)), r"x_train: got shape \(20, 4\), expected \(any, 3\)"),
        ("y_train", np.arange(20), r"y_train: got shape \(20,\), expected \(any, 2\)"),
        ("y_train", np.ones((19, 2)), "y_train: got 19 samples, expected 20"),
        ("x_test", np.full((8, 3), np.nan), "x_test: got 24 NaN"),
        ("y_test", np.ones((9, 2)), "y_test: got 9 samples, expected 8"),
        ("x_test", np.ones((0, 3)), "x_test: got an empty array"),
    ],
)
def test_data_that_do_not_fit_are_refused_by_name(part, value, says):
    net, data = tiny()
    with pytest.raises(ValueError, match=says):
        train(net, data._replace(**{part: value}), sc.backprop)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda g: None, "got a NoneType, expected a Gradient with weights of shape .5, 3., .4, 5"),
        (lambda g: g.flat(), "rule: got a ndarray"),
        (
            lambda g: g._replace(weights=g.weights[:2]),
            r"got weights of shape \(5, 3\), \(4, 5\) an",
        ),
        (lambda g: g._replace(biases=tuple(b[:1] for b in g.biases)), r"biases of shape \(1,\), "),
        (lambda g: g._replace(weights=tuple(w.T for w in g.weights)), r"shape \(3, 5\), \(5, 4\)"),
    ],
)
@pytest.mark.parametrize("angles", [False, True])
def test_a_rule_that_returns_no_gradient_of_the_network_is_told_so(answer, says, angles):
    net, data = tiny()
    with pytest.raises(ValueError, match=says):
        train(net, data, lambda *args: answer(sc.backprop(*args)), angles=angles)


def test_an_error_of_the_rule_says_where_in_the_training_it_happened():
    net, data = tiny()
    with pytest.raises(sc.ConvergenceError) as unsettled:
        train(net, data, stopped(sc.backprop, 9, sc.ConvergenceError("not settled")), **DECAYING)
    assert unsettled.value.__notes__ == ["This happened in epoch 2, batch 3 of the training."]


@pytest.mark.parametrize("loud", [True, False])
@pytest.mark.parametrize("activation", ["linear", "tanh"])
def test_divergence_is_reported_and_leaves_the_last_good_state(activation, loud, tmp_path):
    net, data = tiny()
    net, path = net.replace(activation=activation), tmp_path / "run.npz"
    settings = {"learning_rate": 50.0, "batch": 2, "save": path}
    with np.errstate(all="raise" if loud else "warn", under="ignore"):
        with pytest.raises(sc.ConvergenceError) as diverged:
            train(net, data, sc.backprop, epochs=1000, **settings)
    message = str(diverged.value)
    assert "epoch" in message and "lower learning_rate (now 50), for example to 5" in message
    with np.load(path) as kept:
        reached = int(kept["epoch"]) - 1
    history = train(net, data, sc.backprop, epochs=reached, **settings, resume=path)
    assert np.isfinite(history.loss).all() and history.epochs == reached


def test_a_loss_that_overflows_is_reported_although_the_weights_are_finite():
    net, data = tiny()

    def far(net, x, y):
        gradient = sc.backprop(net, x, y)
        return gradient._replace(biases=tuple(np.full_like(b, 1e200) for b in gradient.biases))

    with pytest.raises(sc.ConvergenceError, match="diverged after epoch 1: weights or loss"):
        train(net, data, far, batch=20, angles=False)


def test_a_rule_that_returns_nan_is_stopped_at_that_batch(tmp_path):
    net, data = tiny()

    def broken(net, x, y):
        gradient = sc.backprop(net, x, y)
        return gradient._replace(biases=tuple(b * np.nan for b in gradient.biases))

    with pytest.raises(sc.ConvergenceError, match="diverged in epoch 1, batch 1: weights or loss"):
        train(net, data, broken, angles=False)


# --- What is shown ------------------------------------------------------------------------------


class Terminal:
    """Standard error that somebody looks at."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def a_terminal(monkeypatch, mode=None):
    """A reader's terminal; put in place by the test itself, for pytest resets it between phases."""
    if mode:
        monkeypatch.setenv("SEVENCONDITIONS_OUTPUT", mode)
    else:
        monkeypatch.delenv("SEVENCONDITIONS_OUTPUT", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    return sys.stderr


@pytest.mark.parametrize(
    ("mode", "progress", "shown"),
    [
        (None, None, True),
        ("live", None, True),
        ("page", None, False),
        ("text", None, False),
        (None, False, False),
        ("text", True, True),
    ],
)
def test_a_bar_is_shown_where_somebody_watches(mode, progress, shown, monkeypatch, capsys):
    net, data = tiny()
    terminal = a_terminal(monkeypatch, mode)
    train(net, data, sc.backprop, **DECAYING, progress=progress)
    assert ("backprop: 100%" in terminal.text and "12/12" in terminal.text) == shown
    assert bool(terminal.text) == shown
    assert capsys.readouterr().out == ""


def test_where_nobody_watches_nothing_is_printed(capfd, tmp_path):
    net, data = tiny()
    train(net, data, sc.backprop, **DECAYING, save=tmp_path / "run.npz")
    with pytest.raises(KeyboardInterrupt):
        train(net, data, stopped(sc.backprop, 4), **DECAYING, save=tmp_path / "run.npz")
    assert capfd.readouterr() == ("", "")


def test_a_live_notebook_is_recognised(monkeypatch):
    monkeypatch.delenv("SEVENCONDITIONS_OUTPUT", raising=False)
    assert not progress.somebody_watches()

    class IPython:
        config = {"IPKernelApp": {}}
        get_ipython = classmethod(lambda cls: cls)

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert progress.somebody_watches()


def test_a_resumed_bar_starts_where_the_run_was_stopped(monkeypatch, tmp_path):
    net, data = tiny()
    with pytest.raises(KeyboardInterrupt):
        train(net, data, stopped(sc.backprop, 9), **DECAYING, save=tmp_path / "run.npz")
    terminal = a_terminal(monkeypatch)
    train(net, data, sc.backprop, **DECAYING, resume=tmp_path / "run.npz")
    assert "6/12" in terminal.text.split("\r")[1]


def test_without_tqdm_training_works_silently(monkeypatch):
    net, data = tiny()
    terminal = a_terminal(monkeypatch)
    whole = train(net, data, sc.backprop, **DECAYING, progress=False)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("tqdm"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert_same_bits(train(net, data, sc.backprop, **DECAYING, progress=True), whole)
    assert terminal.text == ""


def test_a_history_reads_well_and_becomes_plain_data():
    net, data = tiny()
    history = train(net, data, sc.backprop, **DECAYING)
    first, *lines = repr(history).splitlines()
    assert first == (
        "History: backprop, 3-5-4-2, 3 epochs (batch 6, learning rate 0.2, decay 0.01, seed 5)"
    )
    assert [line.split()[0] for line in lines] == ["test", "test", "layer", "layer", "layer"]
    assert lines[-1] == "  layer 3: 0.0 -> 0.0 deg"
    plain = json.loads(json.dumps(history.to_dict(), allow_nan=False))
    assert plain["loss"] == history.loss.tolist() and plain["epochs"] == history.epochs == 3
    assert plain["learning_rate"] == 0.2 and plain["sizes"] == [3, 5, 4, 2]
    assert np.shape(plain["angle"]) == (4, 3)
    with pytest.raises(ValueError, match="read-only"):
        history.loss[0] = 0.0
    unmeasured = train(net, data, sc.backprop, **DECAYING, angles=False)
    assert np.isnan(unmeasured.angle).all() and "layer" not in repr(unmeasured)


def test_an_estimator_of_your_own_receives_the_recipe():
    net, data = tiny()
    history = train(
        net,
        data,
        {"rule": sc.backprop},
        **DECAYING,
        estimate=lambda net, x, y, recipe, *, rng: recipe["rule"](net, x, y),
    )
    np.testing.assert_array_equal(history.loss, train(net, data, sc.backprop, **DECAYING).loss)


def test_a_warning_of_every_batch_is_shown_once():
    net, data = tiny()

    def uneasy(net, x, y):
        warnings.warn(f"not the same basin, {x[0, 0]}", sc.BasinWarning, stacklevel=2)
        return sc.backprop(net, x, y)

    with pytest.warns(sc.BasinWarning) as seen:
        train(net, data, uneasy, epochs=3)
    assert len(seen) == 1


def test_recipes_with_other_slots_are_told_apart_on_resuming(tmp_path):
    net, data = tiny()
    mine = sc.ALL_HOLD._replace(nudging=sc.nudging.centered(1e-4))
    train(net, data, mine, epochs=1, save=tmp_path / "run.npz")
    other = sc.ALL_HOLD._replace(nudging=sc.nudging.centered(1e-3))
    with pytest.raises(ValueError, match=r"rule='recipe\(nudging=Nudging\(-0.0001"):
        train(net, data, other, epochs=2, resume=tmp_path / "run.npz")
    assert train(net, data, mine, epochs=2, resume=tmp_path / "run.npz").epochs == 2


def test_two_settings_of_one_slot_are_told_apart_on_resuming(tmp_path):
    net, data = tiny()
    mine, other = (ALL_HOLD._replace(feedback=sc.feedback.mixed(a)) for a in (0.3, 0.9))
    train(net, data, mine, epochs=1, save=tmp_path / "run.npz")
    for rule in (other, ALL_HOLD._replace(feedback=sc.feedback.flipped(0.3))):
        with pytest.raises(ValueError, match=r"rule='recipe\(feedback=mixed\(amount=0.3"):
            train(net, data, rule, epochs=2, resume=tmp_path / "run.npz")


def test_what_was_learned_before_a_divergence_is_in_the_error():
    net, data = tiny()
    calls = iter(range(100))

    def explodes(net, x, y):
        size = np.inf if next(calls) > 12 else 1.0
        g = sc.backprop(net, x, y)
        return g._replace(biases=tuple(size * np.ones_like(b) for b in g.biases))

    with pytest.raises(sc.ConvergenceError) as stopped:
        train(net, data, explodes, epochs=20, angles=False)
    assert 0 < stopped.value.history.epochs < 20


def test_matched_steps_have_the_size_of_backprop_and_keep_their_direction():
    rng = np.random.default_rng(5)
    net = sc.layered((5, 6, 3), gain=0.5, rng=rng)
    x, y = rng.standard_normal((7, 5)), rng.standard_normal((7, 3))
    true = sc.backprop(net, x, y)
    for rule in (sc.ZOO["feedback_alignment"], sc.ZOO["equilibrium_propagation"], ALL_HOLD):
        matched = learning.matched_size(net, x, y, rule)
        assert sc.norm_ratio(matched, true) == pytest.approx(1.0, rel=1e-12)
        assert sc.angle_deg(matched, sc.estimate_gradient(net, x, y, rule)) < 1e-5
    nothing = true.minus(true)
    assert not learning.matched_size(net, x, y, lambda *given: nothing).flat().any()


def test_training_with_matched_steps_does_not_depend_on_the_size_of_an_estimate():
    rng = np.random.default_rng(6)
    net, x = sc.layered((3, 4, 2), rng=rng), rng.standard_normal((8, 3))
    data = Data(x, np.eye(2)[[0, 1] * 4], x, np.eye(2)[[0, 1] * 4])
    tenth = lambda *given: sc.backprop(*given).minus(sc.backprop(*given), over=-10.0)
    tenfold = lambda *given: sc.Gradient(*([10 * p for p in ps] for ps in sc.backprop(*given)))
    how = {"epochs": 3, "batch": 4, "estimate": learning.matched_size}
    one, ten = (train(net, data, rule, **how) for rule in (sc.backprop, tenfold))
    np.testing.assert_allclose(one.loss, ten.loss, rtol=1e-12)
    assert train(net, data, tenth, **how).loss[-1] == one.loss[0]  # a zero estimate stays zero
