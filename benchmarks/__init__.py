"""How fast the library is: every figure is a ratio, measured side by side in one run.

``make bench`` runs all of it, ``make bench ARGS="--only ep naive"`` some. No test times anything.
"""
