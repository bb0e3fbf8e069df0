"""The forecast of a run that sampled before training: as it was written, or from what there is where it ended early."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from rftui.errors import NotFound, RftuiError
from store.config import Method, read_config
from store.forecasts import forecast_document, read_forecast, read_launch
from store.layout import RunDir
from store.sampled import read_sampled

MODES = {"think": 1, "direct": 0}
"""Steps of each prompt by their number modulo 2, as trainer/sampling.py lays them out."""


class Found(NamedTuple):
    """A forecast."""

    document: dict[str, Any]
    is_written: bool
    """Whether it is the one that was written when the sampling was done; else it is of what there is so far."""


def forecast_of(run_dir: RunDir) -> Found:
    """The forecast of a run. Raises NotFound where nothing was sampled, UsageProblem for a run of another kind."""
    config = read_config(run_dir.config)
    if config.method is not Method.SUIT:
        raise NotFound(
            f"{run_dir.name} sampled nothing before training",
            found=f"a run of method {config.method.value}",
            expected="a run that `rftui suit` made",
            fix=f"`rftui suit --task {config.task}` makes one",
        )
    try:
        written = read_forecast(run_dir.forecast)
    except (OSError, ValueError) as error:
        raise RftuiError(
            f"the forecast of {run_dir.name} cannot be read",
            found=str(error),
            expected="forecast.json as the trainer wrote it",
            fix="restore it, or sample again: a forecast is never made anew in the place of another",
        ) from error
    if written is not None:
        return Found(written, is_written=True)
    return Found(_so_far(run_dir), is_written=False)


def _so_far(run_dir: RunDir) -> dict[str, Any]:
    """What the steps that are whole say. Raises NotFound where there is none."""
    # scipy costs a second, which reading a written forecast should not pay
    from evals.forecast import forecast
    from evals.suitability import group_of

    config = read_config(run_dir.config)
    sampled = read_sampled(run_dir)
    if not sampled.groups:
        raise NotFound(
            f"{run_dir.name} has sampled nothing yet",
            found="no completions",
            expected="some prompts with their completions",
            fix=f"`rftui logs -f {run_dir.name}` follows it; `rftui resume {run_dir.name}` where it has ended",
        )
    groups = {
        mode: [
            group_of(record)
            for step, there in sorted(sampled.groups.items())
            if step % 2 == parity
            for record in there.values()
        ]
        for mode, parity in MODES.items()
    }
    found = forecast(groups["think"], groups["direct"], trained_prompt=config.prompt.value)
    return forecast_document(
        found.as_record(),
        config=config,
        source=sampled.start.get("source") or {},
        launch=read_launch(run_dir),
        prompts=config.suit.prompts,
        made_at=time.time(),
    )
