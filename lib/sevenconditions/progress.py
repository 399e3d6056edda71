"""A bar for what takes long, where somebody watches."""

import os
import sys
from contextlib import contextmanager


@contextmanager
def bar(wanted, *, total, done=0, name=""):
    """A bar of tqdm; None where nobody watches, or tqdm is not there.

    Parameters
    ----------
    wanted : bool or None       None: where somebody watches, a terminal or a live notebook.
    total, done : int           How much there is, and how much of it is done already.
    name : str

    Examples
    --------
    >>> with bar(False, total=3) as shown:
    ...     print(shown)
    None
    """
    if not (somebody_watches() if wanted is None else wanted):
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ModuleNotFoundError:
        yield None
        return
    with tqdm(total=total, initial=done, desc=name) as shown:
        yield shown


def somebody_watches():
    """Whether this is a terminal or a live notebook, not the book's build or its check.

    Examples
    --------
    >>> somebody_watches() in (True, False)
    True
    """
    if os.environ.get("SEVENCONDITIONS_OUTPUT") not in (None, "", "live"):
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    in_notebook = "IPKernelApp" in getattr(shell, "config", ())
    return in_notebook or (sys.stderr is not None and sys.stderr.isatty())
