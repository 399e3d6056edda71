"""A detective for the mystery network: a decision rule over the probes, without the answer."""

import numpy as np

from sevenconditions.mystery import LEVELS


def solve(case):
    """Name the culprit of a case from what its probes say, within its budget."""
    level = LEVELS[case.level]

    def apart(first, second):
        # five times what the error of reading explains; a finite nudge costs a little anyway
        first, second = np.asarray(first), np.asarray(second)
        sizes = [np.maximum(level.error * np.abs(v), level.floor) for v in (first, second)]
        return bool(np.any(np.abs(first - second) > 5.0 * np.hypot(*sizes) + 1e-4))

    def twice(probe, *where):
        return apart(*probe(*where).values)

    def below(unit):
        moved = case.lesion(unit).values[0]
        return apart(moved, np.zeros_like(moved))

    def varies():
        values = case.repeat().values
        return apart(max(values), min(values))

    questions = {
        "settling": lambda: twice(case.run_longer),
        "nudging": lambda: twice(case.change_beta),
        "contrast": lambda: twice(case.compare_with_states),
        "architecture": lambda: below("b1"),
        "feedback": lambda: twice(case.read_pair, "a1", "b1"),
        "energy": lambda: twice(case.perturb, "a1", "a2"),
    }
    for suspect, broken in questions.items():
        if suspect in ("settling", "nudging") and "phases" in case.suspects:
            if broken():  # or noise is
                return "phases" if varies() else suspect
        elif suspect in case.suspects and broken():
            return suspect
    again = {  # a single place may be too weak, where probes are left
        "energy": lambda: twice(case.perturb, "a3", "a4"),
        "feedback": lambda: twice(case.read_pair, "a2", "b2"),
        "architecture": lambda: below("b2"),
    }
    for suspect, broken in again.items():
        if case.left and suspect in case.suspects and broken():
            return suspect
    if "none" in case.suspects:
        return "none"
    return next(suspect for suspect in ("energy", *case.suspects) if suspect in case.suspects)
