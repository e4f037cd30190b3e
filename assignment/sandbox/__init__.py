"""Runs a submission: student code in a sandbox, the tests outside it.

Linear algebra has one thread on both sides: sums are formed in one order, whatever the number of cores or jobs.
"""

import os

ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
}
os.environ.update(ONE_THREAD)  # read when NumPy is imported, which is later than this
