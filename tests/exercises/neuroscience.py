"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "-np.outer(np.tanh(u) - np.tanh(a), below) / beta",
        {
            "np.outer(np.tanh(u) - np.tanh(a), below) / beta": "sign",
            "-np.outer(np.tanh(u) - np.tanh(a), below)": "1/beta",
            "-np.outer(u - a, below) / beta": "potentials",
            "-np.outer(below, np.tanh(u) - np.tanh(a)) / beta": "Transposed",
        },
    ),
    "exercise-2": (
        "921",
        {"46.05": "loop is missing", "400": "1/e", "173.7": "do not divide"},
    ),
    "exercise-3": (
        "np.degrees(np.arccos(0.64))",
        {"36.87": "one hop", "73.74": "multiply", "0.8763": "radians", "0.64": "cosine"},
    ),
    "exercise-4": (
        "border",
        {"0.986": "1 minus it", "100 * border": "percent", "0.05": "too much"},
    ),
    "exercise-5": ("1", {"0": "before the nudge", "2": "two states"}),
}
