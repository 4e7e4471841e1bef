"""``python -m rayrdma``: the same as the ``rayrdma`` command."""

import sys

from rayrdma.cli import main

sys.exit(main())
