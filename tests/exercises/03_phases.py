"""Cell -> (the answer, wrong answers each with a word of its message)."""

READING = "{0}(np.outer(post_free, pre_free) - np.outer(post_nudged, pre_nudged)){1}"

EXERCISES = {
    "exercise-1": (
        READING.format("", " / beta"),
        {
            READING.format("-", " / beta"): "sign",
            READING.format("", ""): "missing",
            "-np.outer(post_nudged, pre_nudged) / beta": "single reading",
            "np.outer(post_free - post_nudged, pre_free) / beta": "presynaptic rate",
        },
    ),
    "exercise-2": ("1 / 15", {"0.1": "wrong sign", "0.2": "mismatch itself", "14 / 15": "1 - c"}),
    "exercise-3": ("25", {"5": "square", "1 / 25": "other way round", "2.78": "other window"}),
    "exercise-4": (
        "np.sqrt(3 / phases.noise_to_signal(twin, x, free, sigma=1.0, nudging=both_ways.nudging, "
        "signal=np.linalg.norm(quiet.flat())))",
        {
            "1 / np.sqrt(phases.noise_to_signal(twin, x, free, sigma=1.0, "
            "nudging=both_ways.nudging, signal=np.linalg.norm(quiet.flat())))": "one half needs",
            "3 / phases.noise_to_signal(twin, x, free, sigma=1.0, nudging=both_ways.nudging, "
            "signal=np.linalg.norm(quiet.flat()))": "take the root",
        },
    ),
    "exercise-5": ("2", {"0": "averaging", "1": "falls with the nudge"}),
    "exercise-6": (
        "2 * g2 - g1",
        {
            "2 * g1 - g2": "doubled",
            "g1 - 2 * g2": "sign",
            "(g1 + g2) / 2": "three quarters",
            "g2 - g1": "drops out",
        },
    ),
}
