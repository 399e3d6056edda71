"""What a reader waits for: an import, one tick of the main dial, a grid of audits."""

import itertools
import os
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np

import sevenconditions as sc
from benchmarks import nets, programs
from benchmarks.propagation import recipe_of
from benchmarks.table import Row, compared, left_out
from benchmarks.timing import ratio_of, side_by_side
from sevenconditions import feedback, nudging
from sevenconditions.predictive import linear_predictive_coding

TICKS = 20
SEEDS = range(10)
# With the seeds, 200 audits each: a dial that leaves the network as it is, and one that does not.
NUDGES = {"nudging": {b: nudging.centered(b) for b in np.geomspace(1e-4, 1e-1, 20).tolist()}}
BOTH = {
    "feedback": {amount: feedback.mixed(amount) for amount in (0.0, 0.1, 0.2, 0.3, 0.4)},
    "nudging": {beta: nudging.centered(beta) for beta in (1e-4, 1e-3, 1e-2, 1e-1)},
}


def predictive(rounds):
    """Predictive coding of a linear network, in closed form, in units of its backprop."""
    for name, sizes in nets.SIZES.items():
        case = nets.case(name, sizes, activation="linear", cancellation=1.0)
        ratio = side_by_side(
            lambda c=case: linear_predictive_coding(c.net, c.x, c.y, beta=0.1),
            lambda c=case: programs.raw_linear_backprop(c.net, c.x, c.y),
            rounds=rounds,
        )
        yield compared("linear predictive coding / raw backprop", name, ratio, at_most=2.0)


def float32(rounds):
    """The same equilibrium propagation in float32 and in float64: for information."""
    what = "EP in float32 / in float64"
    recipe = recipe_of(nudging.centered(1e-2), 1e-5)
    for case in nets.cases():
        half = single(case)
        if half is None:
            yield left_out(what, "this version of the library has float64 networks only")
            return
        ratio = side_by_side(
            lambda h=half: sc.estimate_gradient(h.net, h.x, h.y, recipe),
            lambda c=case: sc.estimate_gradient(c.net, c.x, c.y, recipe),
            rounds=rounds,
        )
        yield compared(what, case.name, ratio)


def single(case):
    """A case in float32, or None where networks are float64 whatever they are made of."""
    net = sc.Network(
        weights=[w.astype(np.float32) for w in case.net.weights],
        biases=[b.astype(np.float32) for b in case.net.biases],
    )
    if net.weights[0].dtype != np.float32:
        return None
    return case._replace(net=net, x=case.x.astype(np.float32), y=case.y.astype(np.float32))


def grid(rounds):
    """200 audits one by one in units of one sweep over them, in one process."""
    propagation = recipe_of(nudging.centered(1e-3), 1e-9)
    for sizes, n_samples in ((nets.SIZES["A"], 64), ((8, 10, 8, 5), 16)):
        make = _Made(sizes, n_samples)
        for dials, recipe, name in (
            (NUDGES, propagation, "EP, 20 nudges"),
            (NUDGES, sc.ALL_HOLD, "20 nudges"),
            (BOTH, sc.ALL_HOLD, "5 feedbacks, 4 nudges"),
        ):
            ratio = side_by_side(
                lambda m=make, d=dials, r=recipe: one_by_one(m, d, r),
                lambda m=make, d=dials, r=recipe: sc.sweep(
                    m, d, seeds=SEEDS, recipe=r, n_jobs=1, progress=False
                ),
                rounds=rounds if sum(sizes) < 100 else min(rounds, 9),
            )
            where = f"{'-'.join(map(str, sizes))}, {name}"
            note = f"{ratio.seconds[0]:.3g} s and {ratio.seconds[1]:.3g} s"
            yield compared("200 audits one by one / sweep", where, ratio, at_least=2.5, note=note)


def one_by_one(make, dials, base):
    """The audits of the grid, each by itself."""
    reports = []
    for seed, *settings in itertools.product(SEEDS, *(dials[name].values() for name in dials)):
        recipe = base._replace(**dict(zip(dials, settings, strict=True)))
        reports.append(sc.audit(*make(seed), recipe, rng=np.random.default_rng([seed, 3])))
    return reports


class _Made(NamedTuple):
    """The problem of a seed."""

    sizes: tuple
    n_samples: int

    def __call__(self, seed):
        case = nets.case("", self.sizes, n_samples=self.n_samples, seed=seed)
        return case.net, case.x, case.y


def dial(rounds):
    """One tick of the main dial: settle, audit, redraw, at a new value each time."""
    case = nets.cases()[0]
    tick(case, 0.5)
    times = np.array([tick(case, amount) for amount in np.linspace(0.0, 0.4, TICKS)]) * 1e3
    low, middle, high = np.quantile(times.sum(axis=1), (0.25, 0.5, 0.75)).tolist()
    parts = ", ".join(
        f"{name} {np.median(column):.3g}"
        for name, column in zip(("settle", "audit", "redraw"), times.T, strict=True)
    )
    yield Row("a tick of the dial: settle, audit, redraw", case.name, middle, low, high,
              at_most=100.0, unit="ms", note=f"{parts} ms")  # fmt: skip


def tick(case, amount):
    """Seconds to settle, to audit and to redraw at one position of the dial."""
    clock = [time.process_time()]
    recipe = sc.ALL_HOLD._replace(feedback=feedback.mixed(float(amount)))
    recipe.settling(recipe.feedback(case.net), case.x)
    clock.append(time.process_time())
    report = sc.audit(case.net, case.x, case.y, recipe)
    clock.append(time.process_time())
    audit_bars(report).html()
    clock.append(time.process_time())
    return np.diff(clock)


def audit_bars(report):
    """A report as two panels of bars: what each condition costs, how far each layer is turned."""
    from sevenconditions.display import Figure, panel

    costs, axes = panel(3.6, 2.7, left=1.0)
    names = [row.name for row in report.conditions]
    angles = [row.predicted_angle_deg or 0.0 for row in report.conditions]
    axes.barh(names, angles)
    axes.set(xlabel="costs alone, degrees")
    layers, axes = panel(2.4, 2.7)
    turned = [layer.angle_deg for layer in report.layers]
    axes.bar([f"{i + 1}" for i in range(len(turned))], turned)
    axes.set(xlabel="layer", ylabel="angle, degrees")
    words = f"The estimate is {report.angle_deg:.1f} degrees from the true gradient."
    return Figure((costs, layers), "The audit", "Bars are angles.", words)


def imports(rounds):
    """Import of the library in units of NumPy's, each time in a fresh interpreter."""
    for name in ("numpy", "sevenconditions"):
        import_seconds(name)  # bytecode and disk are warm from here on
    pairs = [[import_seconds(name) for name in ("sevenconditions", "numpy")] for _ in range(rounds)]
    ratio = ratio_of(pairs)
    note = " and ".join(f"{1e3 * seconds:.3g} ms" for seconds in ratio.seconds)
    yield compared("import sevenconditions / import numpy", "", ratio, at_most=1.5, note=note)


def import_seconds(name):
    """Seconds that an import takes in a fresh interpreter, its start not counted."""
    code = f"import time; t = time.process_time(); import {name}; print(time.process_time() - t)"
    # bytecode may be written, or every import would compile the library again
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(run.stdout)
