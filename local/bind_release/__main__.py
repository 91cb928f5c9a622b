"""`python -m bind_release COMMAND`: the version, and releases."""

import sys

from bind_local.paths import REPO
from bind_release.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], REPO))
