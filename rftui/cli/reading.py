"""`rftui logs`, `curves` and `rollouts`: what a run wrote."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, examples
from rftui.cli.output import is_ascii, is_terminal, narrate, print_json, say

CHART_HEIGHT = 10
PLAIN_WIDTH = 80
HEADLINE_METRICS = (
    "reward",
    "heldout/think/greedy/accuracy",
    "rewards/accuracy/mean",
    "completions/mean_length",
    "loss",
    "suit/think/pass_at_1",
    "suit/direct/pass_at_1",
)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui logs sat-grpo-12 -n 50", "rftui logs -f @last"))(logs)
    app.command(epilog=examples("rftui curves @last", "rftui curves sat-grpo-12 reward kl --json"))(curves)
    app.command(
        epilog=examples(
            "rftui rollouts @last --step 40", "rftui rollouts sat-grpo-12 --max-reward 0.5 --json | head -3"
        )
    )(rollouts)


def logs(
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", help="Only the last so many lines.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a run's training process printed, all attempts in order."""
    from rftui.cli.homes import home_to_read
    from rftui.runs.reads import run_dir_of
    from rftui.supervision.follower import LogTail

    run_dir = run_dir_of(home_to_read(home), run)
    log = LogTail(run_dir.output, lines=lines)
    if follow:
        # rich costs 0.1 s; a plain read does without
        from rftui.cli.following import follow_json, follow_run

        if as_json:
            follow_json(run_dir, log)
        else:
            follow_run(run_dir, log=log)
        return
    for line in [*log.read(), *filter(None, [log.rest()])]:
        if as_json:
            print_json({"line": line})
        else:
            say(line)


def curves(
    run: RunArgument,
    metrics: Annotated[
        list[str] | None, typer.Argument(metavar="[METRIC]...", help="Names; the headlines if none.")
    ] = None,
    lists: Annotated[bool, typer.Option("--list", help="Print the names of all metrics.")] = False,
    points: Annotated[int | None, typer.Option(help="Reduce each curve to about so many points, peaks kept.")] = None,
    height: Annotated[int, typer.Option(help="Lines of each chart.", min=3)] = CHART_HEIGHT,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw metrics over steps. With --json: one object a metric, one a line where there are several."""
    from rftui.cli.homes import home_to_read
    from rftui.errors import NotFound
    from rftui.planning.plan import nearest_name
    from rftui.runs.reads import current_run
    from rftui.terminal.clean import one_line
    from store.metrics import curve, metric_names
    from store.runs import open_catalogue

    place = home_to_read(home)
    name = current_run(place, run).name
    with closing(open_catalogue(place)) as connection:
        known = metric_names(connection, name)
        if lists:
            print_json(known) if as_json else say("\n".join(map(one_line, known)))
            return
        wanted = metrics or [metric for metric in HEADLINE_METRICS if metric in known] or known[:3]
        for metric in wanted:
            if metric not in known:
                nearest = nearest_name(metric, known)
                raise NotFound(
                    f"{name} has no metric {metric}",
                    found=metric,
                    expected=f"one of {len(known)} metrics" if known else "a run that has written metrics",
                    fix=f"rftui curves {name} {nearest}" if nearest else f"`rftui curves {name} --list` names them",
                )
        drawn = {metric: curve(connection, name, metric, max_points=points) for metric in wanted}
    for metric, values in drawn.items():
        pairs = [(int(point[0]), float(point[1])) for point in values]
        if as_json:
            print_json({"metric": metric, "points": pairs})
        else:
            _draw_curve(metric, pairs, height=height)
    if not drawn and not as_json:
        narrate(f"{name} has written no metrics yet")


def _draw_curve(metric: str, pairs: list[tuple[int, float]], *, height: int) -> None:
    # 10 ms that --help should not pay
    import shutil

    from rftui.charts.chart import Point, draw
    from rftui.formats import number
    from rftui.terminal.clean import one_line

    width = min(160, shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns) if is_terminal() else PLAIN_WIDTH
    finite = [value for _, value in pairs if value == value and abs(value) != float("inf")]
    missing = len(pairs) - len(finite)
    gaps = f", {missing} not finite" if missing else ""
    title = f"{one_line(metric, width=PLAIN_WIDTH)}  {len(pairs)} points{gaps}"
    if finite:
        title += f", last {number(finite[-1])}, from {number(min(finite))} to {number(max(finite))}"
    say(title)
    for line in draw([Point(*pair) for pair in pairs], width=width, height=height, is_ascii=is_ascii()):
        say(line)
    say()


def rollouts(
    run: RunArgument,
    step: Annotated[int | None, typer.Option(help="Only this step.")] = None,
    min_reward: Annotated[float | None, typer.Option(help="Only rollouts with at least this reward.")] = None,
    max_reward: Annotated[float | None, typer.Option(help="Only rollouts with at most this reward.")] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only prompts that contain this, or have this uid.")
    ] = None,
    group: Annotated[int | None, typer.Option(help="Only this group of a step, as one page.")] = None,
    contains: Annotated[str | None, typer.Option(metavar="TEXT", help="Only completions that contain this.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many rollouts; 16 if absent, all with --json.")] = None,
    newest_first: Annotated[bool, typer.Option("--newest", help="Latest steps first.")] = False,
    bookmarks: Annotated[
        bool, typer.Option("--bookmarks", help="Only those that were marked in the dashboard.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print training rollouts, group by group. With --json: one object a line."""
    from rftui.cli.homes import home_to_read
    from rftui.cli.rollout_pages import print_groups
    from rftui.runs.reads import run_dir_of
    from store.rollouts import iter_rollouts

    place = home_to_read(home)
    name = run_dir_of(place, run).path.name
    shown = limit if limit is not None or as_json or group is not None else 16
    found = iter_rollouts(
        place,
        name,
        step=step,
        min_reward=min_reward,
        max_reward=max_reward,
        prompt=prompt,
        group=group,
        contains=contains,
        limit=None if bookmarks else shown,
        newest_first=newest_first,
    )
    if bookmarks:
        from itertools import islice

        from rftui.rollouts.bookmarks import place_of, run_bookmarks

        marked = {bookmark.place for bookmark in run_bookmarks(place, name)}
        found = islice((rollout for rollout in found if place_of(rollout) in marked), shown)
    if not as_json:
        print_groups(found, limit=shown, media=place.run(name).media)
        return
    for rollout in found:
        print_json(rollout_fields(rollout))


ROLLOUT_FIELDS = (
    "step",
    "group",
    "sample",
    "uid",
    "prompt",
    "image",
    "gold",
    "completion",
    "think",
    "answer",
    "malformed",
    "rewards",
    "reward",
    "advantage",
    "tokens",
    "think_tokens",
    "stop",
    "kind",
    "question",
    "options",
    "images",
    "policy_step",
    "attempt",
    "errors",
    "prompt_mode",
)
"""Names that scripts rely on."""


def rollout_fields(rollout: object) -> dict[str, object]:
    """The fields of `rollouts --json`."""
    return {name: getattr(rollout, name) for name in ROLLOUT_FIELDS}
