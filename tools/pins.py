"""Resolve what the hand-chosen pins in requirements.txt need, for all supported Pythons."""

import re
import shutil
import subprocess
import sys

from tools.steps import ROOT, step

RESOLVED = "# Resolved from the pins above by `make pins`; not edited by hand.\n"


def direct_pins(text):
    """The lines chosen by hand: everything pinned above the resolved part."""
    return re.findall(r"^[\w.-]+==.*$", text.split(RESOLVED)[0], flags=re.M)


def main():
    uv = shutil.which("uv") or sys.exit("`make pins` needs uv: python3 -m pip install uv")
    path = ROOT / "requirements.txt"
    chosen = path.read_text().split(RESOLVED)[0]
    direct = direct_pins(chosen)
    resolve = [uv, "pip", "compile", "--universal", "--python-version=3.11", "--no-header"]
    resolve += ["--no-annotate", "--quiet", "-"]
    with step("Resolving"):
        found = subprocess.run(resolve, input="\n".join(direct), text=True, capture_output=True)
    if found.returncode:
        sys.exit(found.stderr)
    needed = [line for line in found.stdout.splitlines() if line not in direct]
    path.write_text(chosen + RESOLVED + "\n".join(needed) + "\n")


if __name__ == "__main__":
    main()
