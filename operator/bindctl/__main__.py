"""`python -m bindctl` is the same program as `bindctl` and, for kubectl, `kubectl bind`."""

import sys

from bindctl.console import main

sys.exit(main())
