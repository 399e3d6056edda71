r"""Learning: minibatch steps along any rule's estimate of the gradient, recorded and resumable.

.. math:: W \leftarrow (1 - \lambda)\,W - \eta\,\hat g_W, \qquad b \leftarrow b - \eta\,\hat g_b

Nothing random is carried from one step to the next: the order of epoch e is drawn from (seed, e),
what batch k of it needs from (seed, e, k), both counted from 1. So a run that was stopped anywhere
and goes on later ends with the same bits as one that was never stopped.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sevenconditions import checks
from sevenconditions.checks import ConvergenceError
from sevenconditions.dynamics import forward_pass
from sevenconditions.exact import backprop
from sevenconditions.gradient import Gradient, angle_deg
from sevenconditions.network import Network
from sevenconditions.progress import bar
from sevenconditions.recipe import Recipe, described, estimate_gradient, fitting, prepared
from sevenconditions.solvers import relax

FORMAT = "sevenconditions training 1"
PROBE = 64  # samples on which the angle to backprop is measured, the same ones in every epoch


class Data(NamedTuple):
    """Inputs and targets to learn from, and others to be tested on.

    Parameters
    ----------
    x_train, y_train : array_like, shape (samples, n_0), (samples, n_L)
    x_test, y_test : array_like, shape (samples, n_0), (samples, n_L)
        Targets with a single 1 in each row and 0 elsewhere are classes: accuracy is measured.

    Examples
    --------
    >>> Data([[0.0], [1.0]], [[1.0], [3.0]], [[0.5]], [[2.0]]).y_test
    [[2.0]]
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits(seed=0, test_share=0.2):
    r"""1797 handwritten digits of 8 x 8 pixels, split so that each class keeps its share.

    .. math:: x = (p - \bar p) / s, \qquad s^2 = \langle (p - \bar p)^2 \rangle

    with the mean of each pixel and one size s over all of them, both from the training part: a
    layer of gain 1 keeps that size.

    Parameters
    ----------
    seed : int >= 0             Of the split.
    test_share : float in (0, 1)

    Returns
    -------
    Data with 64 inputs and 10 classes

    Raises
    ------
    ValueError
        If seed or test_share is out of range.
    ModuleNotFoundError
        Without scikit-learn, which brings the digits.

    Source
    ------
    Alpaydin & Kaynak 1998, UCI Machine Learning Repository, the test part of "Optical recognition
    of handwritten digits".

    Examples
    --------
    >>> digits().x_train.shape
    (1437, 64)
    """
    seed = checks.whole_number("seed", seed)
    test_share = checks.number("test_share", test_share, at_least=0.01, at_most=0.99)
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, classes = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        pixels, np.eye(10)[classes], test_size=test_share, stratify=classes, random_state=seed
    )
    mean = x_train.mean(axis=0)
    size = np.sqrt(((x_train - mean) ** 2).mean())
    return Data((x_train - mean) / size, y_train, (x_test - mean) / size, y_test)


class Settings(NamedTuple):
    """What a run was made with; two runs that agree in all of it agree in every bit.

    Parameters
    ----------
    rule : str                  Name of the recipe.
    sizes : tuple of int, (n_0, ..., n_L)
    batch, learning_rate, decay, seed, angles, settled : see `train`
    network, data : str         Fingerprints of the network before training and of the data.
    """

    rule: str
    sizes: tuple
    batch: int
    learning_rate: float
    decay: float
    seed: int
    angles: bool
    settled: bool
    network: str
    data: str


@dataclass(frozen=True, eq=False)
class History:
    """What a training leaves: the network, and its course on the test data, epoch by epoch.

    Parameters
    ----------
    net : Network               After the last epoch.
    loss : ndarray, shape (epochs + 1,)
        Mean of 1/2 |v_L - y|^2 over the test data; index 0 is before training.
    accuracy : ndarray, shape (epochs + 1,)
        Share of the test data whose class has the largest output; NaN if targets are not classes.
    angle : ndarray, shape (epochs + 1, L)
        Degrees between each layer's estimate and backprop, on the same samples in every epoch.
    settings : Settings

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((1, 1), rng=np.random.default_rng(0))
    >>> data = Data([[0.0], [1.0]], [[1.0], [3.0]], [[0.5]], [[2.0]])
    >>> history = train(net, data, backprop, epochs=100)
    >>> history.epochs, history.loss[-1].round(3).item()
    (100, 0.0)
    """

    net: Network
    loss: np.ndarray
    accuracy: np.ndarray
    angle: np.ndarray
    settings: Settings

    @property
    def epochs(self):
        """How many epochs were trained."""
        return len(self.loss) - 1

    def to_dict(self):
        """Settings and course as plain data, fit for JSON: lists, and None for NaN."""
        course = {name: getattr(self, name).tolist() for name in ("loss", "accuracy", "angle")}
        return self.settings._asdict() | {"epochs": self.epochs} | _without_nan(course)

    def __repr__(self):
        s, ends = self.settings, [0, -1]
        lines = [
            f"History: {s.rule}, {'-'.join(map(str, s.sizes))}, {self.epochs} epochs "
            f"(batch {s.batch}, learning rate {s.learning_rate:g}, decay {s.decay:g}, "
            f"seed {s.seed})",
            "  test loss {:.4f} -> {:.4f}".format(*self.loss[ends]),
        ]
        if not np.isnan(self.accuracy[-1]):
            lines.append("  test accuracy {:.3f} -> {:.3f}".format(*self.accuracy[ends]))
        for layer, course in enumerate(self.angle.T, start=1):
            if not np.isnan(course[ends]).all():
                lines.append("  layer {}: {:.1f} -> {:.1f} deg".format(layer, *course[ends]))
        return "\n".join(lines)


def train(
    net,
    data,
    recipe,
    *,
    epochs=20,
    batch=32,
    learning_rate=0.1,
    decay=0.0,
    seed=0,
    save=None,
    resume=None,
    progress=None,
    angles=True,
    estimate=None,
    settled=None,
):
    r"""Train a network by minibatch steps along the gradient that a recipe estimates.

    .. math:: W \leftarrow (1 - \lambda)\,W - \eta\,\hat g_W, \qquad b \leftarrow b - \eta\,\hat g_b

    Feedback that starts as the transposed weights stays so. Other feedback stays as it is, unless
    the recipe moves it.

    Parameters
    ----------
    net : Network
    data : Data                 Arrays that fit the network; never modified.
    recipe : Recipe, entry of the zoo, or callable (net, x, y) -> Gradient
        Two optional attributes say what else changes: ``prepare(net, rng) -> Network`` before the
        first step, ``follow(before, after, x, *, decay, rng) -> Network`` after each step.
    epochs : int >= 0
    batch : int >= 1            Samples in a step; the last step of an epoch takes what is left.
    learning_rate : float > 0   eta. Dimensionless.
    decay : float in [0, 1]     lambda: the share that every weight loses in each step.
    seed : int >= 0
    save : path or None         Where the state is kept after every epoch, and when you interrupt.
    resume : path or None       A kept state to go on from; give the same network and data again.
    progress : bool or None     None: a bar where somebody watches, a terminal or a live notebook.
    angles : bool               Whether to measure the angle to backprop in each epoch.
    estimate : callable (net, x, y, recipe, *, rng) -> Gradient, or None
        What makes a gradient of the recipe; None for `recipe.estimate_gradient`.
    settled : bool or None
        Whether loss and accuracy are those of the free equilibrium or of the forward pass. None:
        the recipe's attribute ``settled``; without one, the free equilibrium where a `Recipe`
        settles a network with c < 1 (with c = 1 the two are the same), else the forward pass.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If data do not fit, a setting is out of range, the recipe returns no gradient of this
        network, or `resume` is damaged or was made with other settings.
    ConvergenceError
        If the training diverges; what was kept last stays, and the error's attribute `history`
        holds the History up to there.

    Breaks when
    -----------
    learning_rate is too large (divergence), or a rule keeps random state of its own (a resumed run
    then differs).

    Source
    ------
    Robbins & Monro 1951, Ann. Math. Statist. 22:400-407.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> x, differ = [[0, 0], [0, 1], [1, 0], [1, 1]], [[1, 0], [0, 1], [0, 1], [1, 0]]
    >>> net = layered((2, 8, 2), gain=1.0, rng=np.random.default_rng(0))
    >>> history = train(net, Data(x, differ, x, differ), backprop, epochs=200, learning_rate=0.5)
    >>> history.accuracy[-1].item()
    1.0
    """
    epochs, save = checks.whole_number("epochs", epochs), _folder_exists(save)
    data, seed = _checked(data, net), checks.whole_number("seed", seed)
    prepare, follow = getattr(recipe, "prepare", None), getattr(recipe, "follow", None)
    start = prepare(net, _rng(seed, 0, 1)) if prepare else net
    settings = Settings(
        rule=_name(recipe),
        sizes=net.sizes,
        batch=checks.whole_number("batch", batch, at_least=1),
        learning_rate=checks.number("learning_rate", learning_rate, above=0.0),
        decay=checks.number("decay", decay, at_least=0.0, at_most=1.0),
        seed=seed,
        angles=bool(angles),
        settled=_is_settled(start, recipe, settled),
        network=_network_fingerprint(net),
        data=_fingerprint(data),
    )
    transposed = not (prepare or follow) and net.feedback_is_transposed
    run = _Run(recipe, _rule(recipe, estimate), follow, transposed, data, settings)
    state = _State(start) if resume is None else _read(resume, run, start, epochs)
    states, save = _states(run, state, epochs), resume if save is None else save
    with _each_warning_once(), _progress(progress, run, state, epochs) as report:
        try:
            for state in states:
                report(state)
                if save is not None and state.batch == 0:
                    _write(save, run, state)
        except KeyboardInterrupt as stop:
            if save is not None:
                _write(save, run, state)
            stop.add_note(_how_to_go_on(state, save))
            raise
        except ConvergenceError as stop:
            stop.history = _history(run, state)  # what had been learned before
            raise
    return _history(run, state)


def matched_size(net, x, y, recipe, *, rng=None):
    r"""A rule's estimate, rescaled to the size of the backprop gradient on the same batch.

    .. math:: \hat g \leftarrow \hat g \, |g| / |\hat g|

    Given to `train` as ``estimate``, all rules take steps of equal size and differ in direction
    only. The size is that of all weights and biases together; the shares of the layers stay.

    Parameters
    ----------
    net : Network
    x, y : array_like, shape (batch, n_0), (batch, n_L)
    recipe : Recipe, entry of the zoo, or callable (net, x, y) -> Gradient
    rng : numpy.random.Generator or None        For recipes that read with noise.

    Returns
    -------
    Gradient                    An estimate that is zero stays zero.

    Raises
    ------
    ValueError
        If x or y do not fit the network.
    ConvergenceError
        If the recipe's phases do not settle.

    Examples
    --------
    >>> from sevenconditions.network import layered
    >>> net = layered((1, 1), rng=np.random.default_rng(0))
    >>> true = backprop(net, [1.0], [2.0])
    >>> twice = lambda net, x, y: Gradient(*([2 * part for part in parts] for parts in true))
    >>> np.allclose(matched_size(net, [1.0], [2.0], twice).flat(), true.flat())
    True
    """
    estimate = _rule(recipe, None)(net, x, y, rng)
    size, wanted = (float(np.linalg.norm(g.flat())) for g in (estimate, backprop(net, x, y)))
    scale = wanted / size if size > 0 else 0.0
    weights, biases = ([scale * part for part in parts] for parts in estimate)
    return Gradient(weights, biases)


# --- The course of a training -------------------------------------------------------------------


class _Run(NamedTuple):
    """What stays the same from the first step to the last."""

    recipe: object
    rule: Callable  # (net, x, y, rng) -> Gradient
    follow: Callable | None
    transposed: bool  # whether feedback is the transposed weights, and stays so
    data: Data
    settings: Settings

    @property
    def n_batches(self):
        """Steps in an epoch."""
        return -(-len(self.data.x_train) // self.settings.batch)


class _State(NamedTuple):
    """Where a training is: after `batch` steps of epoch `epoch`, and what was measured before."""

    net: Network
    epoch: int = 0  # epoch 0 has no steps: the network is measured as it starts
    batch: int = 0
    loss: tuple = ()
    accuracy: tuple = ()
    angle: tuple = ()


def _rng(seed, epoch, batch=0):
    """The randomness of one batch, or (batch 0) of the order of an epoch."""
    return np.random.default_rng([seed, epoch, batch])


def _rule(recipe, estimate):
    """The function (net, x, y, rng) -> Gradient that a recipe stands for."""
    if estimate is None and callable(recipe):
        return lambda net, x, y, rng: recipe(net, x, y)
    estimate = estimate_gradient if estimate is None else estimate
    return lambda net, x, y, rng: estimate(net, x, y, recipe, rng=rng)


def _states(run, state, epochs):
    """Every state after this one, step by step."""
    while state.epoch <= epochs:
        order = _order(run, state.epoch)
        for batch in range(state.batch, run.n_batches if state.epoch > 0 else 0):
            rows = order[batch * run.settings.batch : (batch + 1) * run.settings.batch]
            with _at(f"epoch {state.epoch}, batch {batch + 1}"):
                state = _step(run, state, rows)
            yield state
        with _at(f"the measurement after epoch {state.epoch}"):
            state = _measured(run, state)
        yield state


def _order(run, epoch):
    return _rng(run.settings.seed, epoch).permutation(len(run.data.x_train))


def _step(run, state, rows):
    """One minibatch step."""
    before, settings = state.net, run.settings
    x, y = run.data.x_train[rows], run.data.y_train[rows]
    rng = _rng(settings.seed, state.epoch, state.batch + 1)
    gradient = fitting(run.rule(before, x, y, rng), before, allow_infinite=True)
    keep, eta = 1.0 - settings.decay, settings.learning_rate
    changes = {
        "weights": [
            keep * w - eta * g for w, g in zip(before.weights, gradient.weights, strict=True)
        ],
        "biases": [b - eta * g for b, g in zip(before.biases, gradient.biases, strict=True)],
    }
    if not all(np.isfinite(part).all() for parts in changes.values() for part in parts):
        raise _diverged(f"in epoch {state.epoch}, batch {state.batch + 1}", eta)
    after = before.replace(**changes, **({"feedback": None} if run.transposed else {}))
    if run.follow:
        after = run.follow(before, after, x, decay=settings.decay, rng=rng)
    return state._replace(net=after, batch=state.batch + 1)


def _measured(run, state):
    """The state at the start of the next epoch, this one measured."""
    outputs, y = _outputs(run, state.net), run.data.y_test
    loss = 0.5 * ((outputs - y) ** 2).sum() / len(y)
    if not np.isfinite(loss):
        raise _diverged(f"after epoch {state.epoch}", run.settings.learning_rate)
    right = outputs.argmax(axis=1) == y.argmax(axis=1)
    return _State(
        state.net,
        epoch=state.epoch + 1,
        loss=(*state.loss, loss),
        accuracy=(*state.accuracy, right.mean() if _are_classes(y) else np.nan),
        angle=(*state.angle, _angles(run, state)),
    )


def _angles(run, state):
    """Degrees between each layer's estimate and backprop, on samples that stay the same."""
    net, rows = state.net, _order(run, 0)[:PROBE]
    if not run.settings.angles:
        return [np.nan] * net.n_layers
    x, y = run.data.x_train[rows], run.data.y_train[rows]
    rng = _rng(run.settings.seed, state.epoch, run.n_batches + 1)
    estimate, true = (
        fitting(run.rule(net, x, y, rng), net, allow_infinite=True),
        backprop(net, x, y),
    )
    return [angle_deg(estimate.layer(i), true.layer(i)) for i in range(net.n_layers)]


def _outputs(run, net):
    """Rates of the output layer for the test data, shape (samples, n_L)."""
    x = run.data.x_test
    if run.settings.settled:
        return relax(_settling(run.recipe, net), x, tol=1e-9).rates[-1]
    return forward_pass(net, x)[1][-1]


def _settling(recipe, net):
    """The network that settles in the free phase: what the recipe makes of the one it trains."""
    slots = getattr(recipe, "estimate", recipe)
    return prepared(net, slots).free if isinstance(slots, Recipe) else net


@contextmanager
def _at(place):
    """Add to any error where in the training it happened; infinities are found out afterwards."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except Exception as error:
        error.add_note(f"This happened in {place} of the training.")
        raise


@contextmanager
def _each_warning_once():
    """Show the first warning of each kind, not one a batch."""
    with warnings.catch_warnings():
        shown, show = set(), warnings.showwarning

        def first_only(message, category, *place):
            if category not in shown:
                shown.add(category)
                show(message, category, *place)

        warnings.showwarning = first_only
        yield


def _diverged(when, learning_rate):
    return ConvergenceError(
        f"the training diverged {when}: weights or loss became infinite or NaN, expected finite "
        f"numbers; lower learning_rate (now {learning_rate:g}), for example to "
        f"{learning_rate / 10:g}. What was saved last is still there"
    )


def _how_to_go_on(state, save):
    place = f"Stopped in epoch {state.epoch} after batch {state.batch}."
    if save is None:
        return f'{place} Nothing was kept: give save="run.npz" to be able to go on another time.'
    return f"{place} Go on with the same call and resume={str(save)!r}."


def _history(run, state):
    course = [np.array(part) for part in (state.loss, state.accuracy, state.angle)]
    for part in course:
        part.setflags(write=False)
    return History(state.net, *course, run.settings)


# --- What is refused ----------------------------------------------------------------------------


def _checked(data, net):
    """The data as arrays of our own."""
    if not isinstance(data, tuple) or len(data) != 4:
        raise ValueError(
            f"data: got {type(data).__name__}, expected Data(x_train, y_train, x_test, y_test), "
            "such as digits()"
        )
    widths = (net.sizes[0], net.sizes[-1]) * 2
    parts = [
        checks.array(name, part, (-1, width))
        for name, part, width in zip(Data._fields, data, widths, strict=True)
    ]
    for name, x, y in (("y_train", *parts[:2]), ("y_test", *parts[2:])):
        if len(x) != len(y):
            raise ValueError(
                f"{name}: got {len(y)} samples, expected {len(x)}, one for each row of x"
            )
    return Data(*parts)


def _folder_exists(save):
    if save is not None and not Path(save).resolve().parent.is_dir():
        raise ValueError(f"save: got {str(save)!r}, expected a file in a folder that exists")
    return save


def _is_settled(net, recipe, settled):
    if settled is None:
        settled = getattr(recipe, "settled", None)
    if settled is None:
        is_made_of_slots = isinstance(getattr(recipe, "estimate", recipe), Recipe)
        settled = is_made_of_slots and _settling(recipe, net).cancellation < 1.0
    return bool(settled)


def _are_classes(y):
    return y.shape[1] > 1 and bool((np.isin(y, (0.0, 1.0)) & (y.sum(1, keepdims=True) == 1)).all())


def _name(recipe):
    slots = getattr(recipe, "estimate", recipe)
    named = getattr(recipe, "name", None) or getattr(recipe, "__name__", None)
    named = named if isinstance(named, str) else type(recipe).__name__
    if isinstance(slots, Recipe):
        return described(slots) if slots is recipe else f"{named}: {described(slots)}"
    return named


def _without_nan(value):
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return value if np.isfinite(value) else None


# --- Saved and resumed --------------------------------------------------------------------------


def _fingerprint(arrays, *words):
    digest = hashlib.sha256(repr(words).encode())
    for part in arrays:
        digest.update(repr(part.shape).encode() + part.tobytes())
    return digest.hexdigest()[:16]


def _network_fingerprint(net):
    names = [phi.name for phi in net.phis]
    return _fingerprint(_parts(net).values(), *names, net.cancellation, net.feedback_gain)


def _parts(net):
    """Every array of a network, by name."""
    return {
        f"{field}_{index}": part
        for field in ("weights", "biases", "feedback", "lateral")
        for index, part in enumerate(getattr(net, field))
        if part is not None
    }


def _write(path, run, state):
    """Keep the state: all of it, or else what was there before."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    settings = json.dumps(run.settings._asdict())
    course = {name: np.array(getattr(state, name)) for name in ("loss", "accuracy", "angle")}
    place = {"epoch": state.epoch, "batch": state.batch}
    try:
        with open(unfinished, "wb") as file:
            np.savez(file, format=FORMAT, settings=settings, **place, **course, **_parts(state.net))
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path, run, start, epochs):
    """The kept state, if it belongs to this run."""
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                kept = dict(stored)
            if str(kept["format"]) != FORMAT:
                raise ValueError(f"format {kept['format']}, expected {FORMAT}")
            made_with = Settings(**json.loads(str(kept["settings"])))
            made_with = made_with._replace(sizes=tuple(made_with.sizes))
            state = _restored(kept, run, start) if made_with == run.settings else None
        except Exception as error:  # whatever a damaged file makes NumPy stumble over
            raise ValueError(
                f"resume: {str(path)!r} is damaged or not a kept training ({error}); "
                "start again without resume"
            ) from error
    if state is None:
        raise ValueError(f"resume: {str(path)!r} was made with {_differences(made_with, run)}")
    if (state.epoch, state.batch) > (epochs + 1, 0):
        raise ValueError(
            f"epochs: got {epochs}, but {str(path)!r} is in epoch {state.epoch} already, "
            f"expected at least {state.epoch - (state.batch == 0)}"
        )
    return state


def _restored(kept, run, start):
    """The state that the arrays of a file hold; a network keeps its activations from `start`."""

    def field(name):
        return [kept.get(f"{name}_{i}") for i in range(len(getattr(start, name)))]

    changes = {name: field(name) for name in ("weights", "biases", "feedback", "lateral")}
    epoch, batch = int(kept["epoch"]), int(kept["batch"])
    course = {name: tuple(kept[name]) for name in ("loss", "accuracy", "angle")}
    if not 0 <= batch <= run.n_batches or {epoch} != {len(part) for part in course.values()}:
        raise ValueError(f"epoch {epoch}, batch {batch} does not fit what was measured")
    return _State(start.replace(**changes), epoch, batch, **course)


def _differences(made_with, run):
    """Name what differs between a kept run and this one, and the way out."""
    unseen = {"network": "another starting network", "data": "other data"}
    found = [
        unseen.get(name, f"{name}={before!r}, now {now!r}")
        for name, before, now in zip(Settings._fields, made_with, run.settings, strict=True)
        if before != now
    ]
    return "; ".join(found) + ": give the same as in the first run, or start again without resume"


# --- Progress -----------------------------------------------------------------------------------


@contextmanager
def _progress(wanted, run, state, epochs):
    """A function to call with every state; it moves a bar where somebody watches."""

    def done(state):
        return max(state.epoch - 1, 0) * run.n_batches + state.batch

    name = run.settings.rule.split(":")[0]
    with bar(wanted, total=epochs * run.n_batches, done=done(state), name=name) as shown:

        def report(state):
            if shown is None:
                return
            shown.update(done(state) - shown.n)
            if state.batch == 0:
                shown.set_postfix(loss=state.loss[-1], accuracy=state.accuracy[-1], refresh=False)

        yield report
