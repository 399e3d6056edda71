"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "np.degrees(np.arctan(np.sqrt((np.tan(np.radians(angles)) ** 2).sum())))",
        {
            "angles.sum()": "Angles do not add",
            "np.sqrt((angles**2).sum())": "small angles",
            "np.degrees(np.arctan((np.tan(np.radians(angles)) ** 2).sum()))": "root",
            "angles.max()": "weakest",
        },
    ),
    "exercise-2": ("43.92", {"140.0": "added", "20.0": "weakest", "52.92": "small angles"}),
    "exercise-3": ("22", {"23": "Round down", "3": "Angles do not add", "4": "90 degrees"}),
    "exercise-4": ("1", {"0": "does not move", "2": "does not move"}),
    "exercise-5": (
        "(alone_k + both - alone_l) / 2",
        {
            "alone_k": "first",
            "both - alone_l": "last",
            "both / 2": "half",
        },
    ),
}
