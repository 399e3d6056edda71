"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "update * np.linalg.norm(truth) / np.linalg.norm(update)",
        {
            "truth": "direction",
            "update / np.linalg.norm(update)": "length 1",
            "update * np.linalg.norm(update) / np.linalg.norm(truth)": "Upside down",
            "update * np.linalg.norm(truth)": "Divide",
            "-update * np.linalg.norm(truth) / np.linalg.norm(update)": "sign",
        },
    ),
    "exercise-2": ("50", {"0.5": "per cent", "25": "squared", "86.6": "sine", "33.3": "linear"}),
    "exercise-3": (
        'sum("feedback" in r.lacks and "energy" not in r.lacks for r in table.rows)',
        {"7": "lack 2 as well", "6": "both", "0": "repaired"},
    ),
    "exercise-4": (
        "expected",
        {"0.0": "repaired", "36.0": "backprop", "found.angle_deg": "whole"},
    ),
    "exercise-5": ("2", {"0": "last layer", "1": "another network"}),
}
