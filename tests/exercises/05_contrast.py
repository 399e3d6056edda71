"""Cell -> (the answer, wrong answers each with a word of its message)."""

HALF = """contrast.contrastive_hebbian(
        phases._replace(nudged=tuple(read._replace({0}) for read in phases.nudged))
    )"""

EXERCISES = {
    "exercise-1": (
        "(post_free * pre_free - post_nudged * pre_nudged) / beta",
        {
            "(post_nudged * pre_nudged - post_free * pre_free) / beta": "sign",
            "post_free * pre_free - post_nudged * pre_nudged": "beta is missing",
            "pre_free * (post_free - post_nudged) / beta": "postsynaptic end alone",
            "post_free * (pre_free - pre_nudged) / beta": "presynaptic end alone",
            "(post_free * pre_free - post_nudged * pre_nudged) / (2 * beta)": "Half",
            "(post_free - post_nudged) * (pre_free - pre_nudged) / beta": "second order",
        },
    ),
    "exercise-2": (
        "(2.25 * 1.5 - 1.875 * 0.75) / 0.5",
        {"7.875": "2 beta", "-3.9375": "sign", "5.5": "free state", "1.96875": "multiplication"},
    ),
    "exercise-3": ("2 / 3", {"2.0": "1 - h", "4.0": "ratio", "0.8": "r = 1", "0.5": "one half"}),
    "exercise-4": (
        "sc.angle_deg(patched, tied)",
        {"0.0": "not common", "60.0": "one half", "50.0": "balance"},
    ),
    "exercise-5": ("1", {"0": "tenth", "2": "exact in layer 1"}),
    "exercise-6": (
        HALF.format("post=phases.free.post"),
        {
            "contrast.contrastive_hebbian(phases)": "whole contrast",
            "contrast.post_change(phases)": "exchange",
            f"(lambda g: g.minus(g).minus(g))({HALF.format('post=phases.free.post')})": ("sign"),
        },
    ),
}
