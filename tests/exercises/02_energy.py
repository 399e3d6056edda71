"""Cell -> (the answer, wrong answers each with a word of its message)."""

EXERCISES = {
    "exercise-1": (
        "-2 * np.linalg.solve(J, A @ lam)",
        {
            "2 * np.linalg.solve(J, A @ lam)": "sign",
            "-np.linalg.solve(J, A @ lam)": "factor 2",
            "-2 * np.linalg.solve(J.T, A @ lam)": "not transposed",
        },
    ),
    "exercise-2": ("2.0", {"0.5": "Upside down", "4.0": "one more link", "8.0": "second link"}),
    "exercise-3": ("0.05", {"0.1": "equal at both ends", "0.2": "Upside down"}),
    "exercise-4": (
        "float(sc.cosine(*turn(3.0, 'as it is')[2:]))",
        {
            "float(sc.angle_deg(*turn(3.0, 'as it is')[2:]))": "cosine",
            "float(sc.norm_ratio(*turn(3.0, 'as it is')[2:]))": "ratio of lengths",
            "1 - float(sc.relative_error(*turn(3.0, 'as it is')[2:]))": "perpendicular",
        },
    ),
    "exercise-5": ("1", {"0": "row and the last column", "2": "carry blame"}),
    "exercise-6": (
        "J - k * (J - J.T)",
        {"J + k * (J - J.T)": "sign", "J - 2 * k * (J - J.T)": "full repair"},
    ),
}
