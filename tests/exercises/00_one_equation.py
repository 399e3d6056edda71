"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": ("-1 / 3", {"1 / 3": "sign", "-0.5": "the error", "2 / 3": "target 0"}),
    "exercise-2": (
        "(h_minus - h_plus) / (2 * beta)",
        {
            "(h_plus - h_minus) / (2 * beta)": "sign",
            "(h_minus - h_plus) / beta": "2 beta",
            "h_minus - h_plus": "division",
            "(h_free - h_plus) / beta": "One-sided",
        },
    ),
    "exercise-3": ("1 / 2", {"1": "symmetric pair", "1 / 4": "way down", "2": "Upside down"}),
}
