"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "[0.5 * w.T for w in net.weights[1:]]",
        {
            "[0.5 * w for w in net.weights[1:]]": "transposed",
            "[w.T for w in net.weights[1:]]": "one half",
            "[-0.5 * w.T for w in net.weights[1:]]": "sign",
        },
    ),
    "exercise-2": (
        "3.75 / 4.25",
        {
            "1.0": "whole has not",
            "-1.0": "lowest entry",
            "0.0": "right angle",
            "0.976187": "weight 1",
        },
    ),
    "exercise-3": (
        "1000",
        {
            "1e6": "not squared",
            "500": "square root of 2",
            "1000 / 45**2": "left side",
            "1001": "no noise",
        },
    ),
    "exercise-4": (
        "3",
        {"1": "Waiting", "2": "rotation", "4": "feedback", "5": "Hebb", "6": "worse", "7": "mean"},
    ),
    "exercise-5": (
        "place['energy']",
        {
            "place['feedback']": "lost size",
            "place['contrast']": "top layer is off",
            "place['architecture']": "another network",
        },
    ),
}
