"""The shell: ``python -m ubiqlite app.db``."""

import sys

from ._shell import main

if __name__ == "__main__":
    sys.exit(main())
