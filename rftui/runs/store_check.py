"""What `rftui store check` finds: runs that cannot be indexed, and what differs between databases and files."""

from __future__ import annotations

from store.errors import StoreError
from store.ingest import ingest_home
from store.layout import Home
from store.rebuild import Finding, check


def findings_of(home: Home) -> list[Finding]:
    """Everything that stands out, after what the journals hold by now was taken in where the home can be written."""
    try:
        broken = ingest_home(home).broken
    except StoreError:
        # a home that cannot be written is checked as it is
        broken = {}
    cannot = [Finding(name, error.message, error.fix) for name, error in sorted(broken.items())]
    return [*cannot, *(finding for finding in check(home) if finding.run not in broken)]
