"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "-(after - before) / (beta * dt)",
        {
            "(after - before) / (beta * dt)": "sign",
            "-(after - before) / dt": "1/beta",
            "-(after - before) / beta": "dt is missing",
        },
    ),
    "exercise-2": ("5", {"4": "reached", "6": "Off by one"}),
    "exercise-3": (
        "576 / 343",
        {"80 / 27": "gain is missing", "512 / 343": "used twice", "1.5": "first order"},
    ),
    "exercise-4": ("0.0947314", {"0.1": "first order", "0.0236829": "divide by w squared"}),
    "exercise-6": ("8", {"80 / 27": "pair", "4": "slope alone", "2": "state alone"}),
    "exercise-5": ("2", {"0": "both yardsticks", "1": "agrees with both"}),
}
