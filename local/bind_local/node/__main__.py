"""`python -m bind_local.node`: the node's first process."""

import sys

from bind_local.node.init import main

if __name__ == "__main__":
    sys.exit(main())
