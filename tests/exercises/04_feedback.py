"""Cell -> (the answer, wrong answers each with a word of its message)."""

TERNARY = "np.sign(weights.T) * (np.abs(weights.T) > {0} * weights.std())"

EXERCISES = {
    "exercise-1": (
        "slope * (feedback @ delta_above)",
        {
            "slope * (feedback.T @ delta_above)": "Untransposed",
            "-slope * (feedback @ delta_above)": "sign",
            "feedback @ (slope * delta_above)": "layer below",
            "feedback @ delta_above": "slope is missing",
            "slope * delta_above": "feedback is missing",
        },
    ),
    "exercise-2": (
        "59.5",
        {"111.2": "Angles do not add", "37.1": "one hop", "50.5": "two hops", "0.508": "cosine"},
    ),
    "exercise-3": ("688", {"687": "Round up", "691": "1 over lambda", "300": "decimal"}),
    "exercise-4": (
        "0.39",
        {
            "0.644": "solve it for a",
            "0.84": "not the share",
            "0.16": "right angle",
            "0.63": "one hop",
        },
    ),
    "exercise-5": ("1", {"0": "fade", "2": "Right angles"}),
    "exercise-6": (
        TERNARY.format("0.61"),
        {
            "np.sign(weights.T)": "drop those",
            "weights.T": "one size",
            "np.sign(weights)": "Untransposed",
            "-np.sign(weights.T)": "agree",
            TERNARY.format("0.2"): "another threshold",
        },
    ),
}
