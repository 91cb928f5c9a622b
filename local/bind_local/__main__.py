"""`python -m bind_local COMMAND` runs one command of the local cluster."""

import sys

from pydantic import ValidationError

from bind_local.cli import main
from bind_local.paths import Paths
from bind_local.settings import Settings

if __name__ == "__main__":
    try:
        settings = Settings()
        cache = settings.cache_folder()
    except ValidationError as error:
        sys.exit("\n".join(f"error: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()))
    except ValueError as error:
        sys.exit(f"error: XDG_CACHE_HOME: {error}")
    sys.exit(main(sys.argv[1:], Paths(cache)))
