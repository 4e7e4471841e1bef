"""Exit codes, beside the 0 of what went well."""

from __future__ import annotations

ERROR, ENVIRONMENT, USAGE, INTERRUPTED = 1, 2, 64, 130
