"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "-1 / (len(turn) * turn * beta)",
        {
            "1 / (len(turn) * turn * beta)": "sign",
            "-turn / (len(turn) * beta)": "Turn each reading back",
            "-1 / (len(turn) * turn)": "1/beta",
            "-1 / (turn * beta)": "mean",
        },
    ),
    "exercise-2": (
        "1 / 12",
        {"0.075": "first order", "1 / 9": "echoes", "4 / 27": "divides", "0.75": "critical"},
    ),
    "exercise-3": (
        "(1e-6 / 8) ** (1 / 3)",
        {
            "(1e-6 / 4) ** (1 / 3)": "order p is missing",
            "(1e-6 / 8) ** (1 / 2)": "p + 1",
            "(1e-6 / 4) ** (1 / 2)": "centered",
            "(2e-6 / 4) ** (1 / 2)": "one-sided",
        },
    ),
    "exercise-4": ("0.0063", {"0.01": "factor", "0.1": "above 10 %", "0.00063": "tenth of"}),
    "exercise-5": ("2", {"0": "far above rounding", "1": "no noise"}),
    "exercise-6": (
        "2 * half - full",
        {
            "(full + half) / 2": "extrapolate",
            "2 * full - half": "other way round",
            "half - full": "subtract it",
        },
    ),
}
