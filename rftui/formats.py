"""Numbers, times and states as people read them. Pure; used by tables, progress and the dashboard alike."""

from __future__ import annotations

import math
import re

SYMBOLS = {
    "queued": "◌",
    "starting": "◌",
    "running": "●",
    "stalled": "▲",
    "stopping": "◐",
    "finished": "✓",
    "failed": "✗",
    "killed": "✗",
    "stopped": "■",
    "lost": "?",
}
ASCII_SYMBOLS = {
    "queued": ".",
    "starting": ".",
    "running": "*",
    "stalled": "!",
    "stopping": "-",
    "finished": "+",
    "failed": "x",
    "killed": "x",
    "stopped": "=",
    "lost": "?",
}
COLOURS = {
    "queued": "dim",
    "starting": "cyan",
    "running": "cyan",
    "stalled": "yellow",
    "stopping": "yellow",
    "finished": "green",
    "failed": "red",
    "killed": "red",
    "stopped": "blue",
    "lost": "magenta",
}


def duration(seconds: float) -> str:
    """`42s`, `7m12s`, `3h05m`, `2d04h`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def p_text(p: float) -> str:
    """`.034`, `<.001`, `1.000`."""
    if p < 0.001:
        return "<.001"
    return f"{p:.3f}".removeprefix("0")


def number(value: float | None, *, digits: int = 4) -> str:
    """Few significant digits; a dash for nothing."""
    if value is None:
        return "—"
    if not math.isfinite(value):
        return str(value)
    return f"{value:.{digits}g}"


def interval(accuracy: float | None, low: float | None, high: float | None) -> str:
    """`.583 [.54, .63]`; a dash for nothing."""
    if accuracy is None:
        return "—"
    if low is None or high is None:
        return fraction(accuracy)
    return f"{fraction(accuracy)} [{fraction(low)}, {fraction(high)}]"


def fraction(value: float) -> str:
    """`.583`, `1.000`: three digits, and no leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if 0 <= value < 1 else f"{value:.3f}"


def steps(step: int | None, total: int | None) -> str:
    """`187/300`; a dash before the first."""
    if step is None and not total:
        return "—"
    return f"{step or 0}/{total}" if total else str(step)


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 line`, `2 lines`, `1,234 batches`; the plural where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def model_name(model: str | None) -> str:
    """`sat-grpo-7` for the weights of a run, `sat-grpo-7@150` for a checkpoint of it; any other model as it is."""
    if model is None:
        return ""
    found = re.search(r"/runs/([^/]+)/(?:model|checkpoints/[^/]*?(\d+))/*$", model)
    if found is None:
        return model
    return found[1] if found[2] is None else f"{found[1]}@{found[2]}"


def size(count_bytes: float) -> str:
    """`3.2 MB`."""
    amount = float(count_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(amount) < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def bar(share: float, *, width: int, is_ascii: bool) -> str:
    """A bar of `width` characters, filled to `share`."""
    filled = round(min(1.0, max(0.0, share)) * width)
    full, empty = ("#", "-") if is_ascii else ("█", "░")
    return full * filled + empty * (width - filled)
