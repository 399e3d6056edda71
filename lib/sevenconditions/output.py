"""What a notebook output carries: a widget, a picture, or text alone."""

import os

MODES = ("live", "page", "text")


def output_mode() -> str:
    """Name what a notebook output carries: "live" (default), "page" or "text".

    Read from the environment variable SEVENCONDITIONS_OUTPUT: ``live`` for a reader's notebook,
    ``page`` for the build of the book, ``text`` for stored notebooks and their check.
    Raises ValueError for any other value.

    >>> output_mode() in MODES
    True
    """
    mode = os.environ.get("SEVENCONDITIONS_OUTPUT") or "live"
    if mode not in MODES:
        raise ValueError(
            f"SEVENCONDITIONS_OUTPUT is {mode!r}; expected one of {', '.join(MODES)}, or unset"
        )
    return mode
