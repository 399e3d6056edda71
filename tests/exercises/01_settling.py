"""Cell -> (the answer, wrong answers each with a word of its message)."""

# One half of the layers, then the other with what the first has become.
SWEEP = """(
    lambda half: (half[0], half[1] {0} dynamics.residual(net, x, half)[1], half[2])
)([a {0} r if i != 1 else a for i, (a, r) in enumerate(zip(u, dynamics.residual(net, x, u)))])"""

EXERCISES = {
    "exercise-1": (
        "u + dt * (-u + drive + loop @ u)",
        {
            "u - dt * (-u + drive + loop @ u)": "sign",
            "drive + loop @ u": "dt is missing",
            "u + dt * (drive + loop @ u)": "leak",
            "u[:1]": "shape",
        },
    ),
    "exercise-2": (
        "31",
        {"30": "Round up", "30.96": "part of a step", "35": "logarithm", "14": "decimal"},
    ),
    "exercise-3": ("1 / 4.25", {"2 / 4.25": "real part", "4.0": "rotation"}),
    "exercise-4": (
        "settling.spectral_radius(hot, one, hot_rest)[0]",
        {
            "2.0": "at full steps; the network",
            "1.5": "at silence",
            "settling.spectral_radius(hot, one, hot_rest, dt=1.0)[0]": "at full steps.",
        },
    ),
    "exercise-5": ("2", {"0": "up and down", "1": "straight line"}),
    "exercise-6": (
        SWEEP.format("-"),
        {
            "[u - r for u, r in zip(u, dynamics.residual(net, x, u))]": "synchronous",
            SWEEP.format("+"): "grows",
        },
    ),
}
