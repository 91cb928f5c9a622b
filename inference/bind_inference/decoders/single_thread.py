"""Keep numpy to one thread: its matrix product would start more for a millisecond of work.

Decoder processes import this first, before numpy, which reads the variable when it is imported. The server
must not import it: torch may read the variable too.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
