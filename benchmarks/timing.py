"""Two programs timed in turn, so that whatever else the machine does falls on both.

The clock is the processor time of the whole process: on one thread that is the time on the wall
less what other programs took meanwhile. `cores_used` tells where a library runs on more threads.
"""

import gc
import time
from typing import NamedTuple

import numpy as np


class Ratio(NamedTuple):
    """How long the first program takes in units of the second: median and quartiles of rounds."""

    median: float
    low: float
    high: float
    seconds: tuple  # one call of each program, median of rounds
    rounds: tuple  # the ratio of each round


def side_by_side(first, second, *, rounds=9, least=5e-3, clock=time.process_time):
    """Time two programs A B A B ...; in a round each repeats for at least `least` seconds."""
    programs = (first, second)
    repeats = [repeats_for(program, least, clock) for program in programs]
    gc.collect()
    gc.disable()
    try:
        times = [
            [_seconds(program, n, clock) for program, n in zip(programs, repeats, strict=True)]
            for _ in range(rounds)
        ]
    finally:
        gc.enable()
    return ratio_of(times)


def ratio_of(times):
    """The ratio of rounds of pairs of seconds, shape (rounds, 2)."""
    times = np.asarray(times, dtype=float)
    ratios = times[:, 0] / times[:, 1]
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75)).tolist()
    return Ratio(median, low, high, tuple(np.median(times, axis=0).tolist()), tuple(ratios))


def repeats_for(program, least, clock=time.process_time):
    """How often a program must run to last `least` seconds; it runs a few times to find out."""
    program()  # what is done once only, such as compiling, is not counted
    once = min(_seconds(program, 1, clock) for _ in range(2))
    return max(1, int(np.ceil(least / max(once, 1e-7))))


def _seconds(program, repeats, clock):
    """Seconds of one call, on average over repeats."""
    start = clock()
    for _ in range(repeats):
        program()
    return (clock() - start) / repeats


def cores_used(program, *, least=0.2):
    """CPU time over wall time while a program runs: near 1 if it keeps to one thread."""
    repeats = repeats_for(program, least)
    start, spent = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        program()
    return (time.process_time() - spent) / (time.perf_counter() - start)
