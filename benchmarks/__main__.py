"""Measure, print and write the table: ``python -m benchmarks [--only GROUP ...]``."""

import argparse
import os
import platform
import sys
from pathlib import Path

# One thread everywhere, and each library's own choice of instructions; before any of them loads.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",  # of XLA's own pool
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}
OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
FOLDER = Path(__file__).resolve().parents[1] / "_build" / "bench"


def main(arguments):
    """Run the chosen groups of benchmarks; returns 1 if a bound is broken."""
    os.environ.update(ONE_THREAD)
    removed = [name for name in OVERRIDES if os.environ.pop(name, None)]

    from tqdm import tqdm

    from benchmarks import table
    from benchmarks.groups import GROUPS

    options = _options(arguments, GROUPS)
    facts = conditions(removed, options.rounds)
    print("\n".join(f"{name}: {value}" for name, value in facts.items()), flush=True)
    rows = []
    with tqdm(options.only, unit="group", disable=None) as bar:
        for name in bar:
            bar.set_description(name)
            for row in GROUPS[name](options.rounds):
                rows.append(row)
                bar.write(table.as_line(row))
                table.write(rows, facts, options.folder)  # an interrupted run keeps its rows
    print(f"\n{table.as_text(rows)}\n\nWritten to {options.folder}")
    return int(any(row.ok is False for row in rows))


def _options(arguments, groups):
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=groups, default=list(groups))
    parser.add_argument("--rounds", type=int, default=9, help="at least 9 for a figure to quote")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds: got {options.rounds}, expected at least 1")
    return options


def conditions(removed, rounds):
    """What the figures depend on: versions, processor, threads."""
    from importlib.metadata import PackageNotFoundError, version

    def installed(name):
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    settings = ", ".join(f"{name}={value}" for name, value in ONE_THREAD.items())
    return {
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: installed(name) for name in ("sevenconditions", "numpy", "torch", "jax")},
        "threads": f"1 ({settings}; torch.set_num_threads(1))",
        "environment variables removed": ", ".join(removed) or "none",
        "rounds": f"{rounds}, in turn, each program at least 5 ms a round; median and quartiles",
        "clock": "processor time of the process, all its threads together",
    }


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
