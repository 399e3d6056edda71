"""What the build tools share: one line a step with its time, and how notebooks are run."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# One thread and fixed seeds: the same notebook gives the same characters on every machine.
REPEATABLE = {
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def run_repeatably(output, root=ROOT):
    """Set the environment in which notebooks run; `output` is what figures emit: page or text.

    Kernels get a profile of their own: nobody's start-up files run, and the remark that they talk
    over TCP, which every one of them would make, is left out.
    """
    profile = root / "_build" / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
    os.environ.update(REPEATABLE, SEVENCONDITIONS_OUTPUT=output, IPYTHONDIR=str(profile.parent))


@contextmanager
def step(doing):
    """Say what is being done, and how long it took once it is done."""
    print(f"{doing} ...", flush=True)
    start = time.perf_counter()
    yield
    print(f"  done in {time.perf_counter() - start:.1f} s", flush=True)
