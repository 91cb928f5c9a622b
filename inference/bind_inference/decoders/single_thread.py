"""Imported first by decoder processes: numpy's matrix product would start threads for a millisecond of work.

It must be before numpy, which reads this when it is imported, and must not be in the server, where torch may
read it too.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
