"""How the time of equilibrium propagation grows beside that of backprop: fitted slopes."""

import time

import numpy as np

import sevenconditions as sc
from benchmarks import nets, programs
from benchmarks.table import Row
from benchmarks.timing import side_by_side
from sevenconditions import architecture, nudging, settling

LONGEST = 10.0  # seconds of one gradient; larger nets are left out, and the row says so
AXES = {
    "depth": ((2, 4, 8, 16, 32), lambda n: ((64, *(128,) * (n - 1), 10), 64)),
    "width": ((64, 128, 256, 512, 1024, 2048), lambda n: ((64, n, n, 10), 64)),
    "batch": ((1, 4, 16, 64, 256, 1024), lambda n: ((64, 128, 10), n)),
}
# Dynamics are not followed: one network of this radius has one equilibrium.
RECIPE = sc.ALL_HOLD._replace(
    architecture=architecture.hopfield,
    settling=settling.rest(tol=1e-8, follow=np.inf),
    nudging=nudging.centered(1e-3),
)


def growth(rounds):
    """The log-log slope of the time of EP less that of backprop, along three axes."""
    for axis, (sizes, shape) in AXES.items():
        measured = {}
        for size in sizes:
            layers, n_samples = shape(size)
            case = nets.with_radius_at_silence(nets.case(axis, layers, n_samples=n_samples), 0.9)
            start = time.process_time()
            sc.estimate_gradient(case.net, case.x, case.y, RECIPE)
            if time.process_time() - start > LONGEST:
                break
            measured[size] = side_by_side(
                lambda c=case: sc.estimate_gradient(c.net, c.x, c.y, RECIPE),
                lambda c=case: programs.raw_backprop(c.net, c.x, c.y),
                rounds=rounds,
            )
        slopes = slope(measured, [ratio.rounds for ratio in measured.values()])
        low, middle, high = np.quantile(slopes, (0.25, 0.5, 0.75)).tolist()
        ratios = ", ".join(f"{size}: {ratio.median:.3g}" for size, ratio in measured.items())
        short = "" if len(measured) == len(sizes) else f"; stopped before {size}: too slow"
        yield Row(
            "growth of EP less that of backprop", f"{axis} {sizes[0]} to {list(measured)[-1]}",
            middle, low, high, at_most=0.15, note=f"ratios {ratios}{short}",
        )  # fmt: skip


def slope(sizes, values):
    """Of straight lines through the logarithms; values has a row a size, a column a line."""
    return np.polyfit(np.log(list(sizes)), np.log(values), 1)[0]
