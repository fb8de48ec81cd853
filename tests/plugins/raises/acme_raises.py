"""It raises when it is imported."""

from __future__ import annotations

raise RuntimeError("the licence\nserver is down")
