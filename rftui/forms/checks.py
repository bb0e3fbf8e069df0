"""Preflight beside the form: the quick checks at once, those of the interpreter that will train when there is rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rftui.cli.problems import Problem, problem_of
from rftui.planning.findings import Finding, Level
from rftui.planning.plan import LaunchPlan, LaunchRequest, plan_launch
from rftui.planning.preflight import (
    Report,
    TrainerAnswer,
    check_environment,
    check_settings,
    check_trainer,
    whole_report,
)
from rftui.runs.reads import current_run
from rftui.supervision.start import start_run
from store.config import config_toml
from store.layout import Home
from store.runs import RunSummary


class Checked(NamedTuple):
    """What is known of a request so far."""

    plan: LaunchPlan | None
    """None where it cannot even be planned."""
    report: Report
    is_whole: bool
    """Whether nothing is left to check: the interpreter has answered, or an error makes that needless."""

    @property
    def errors(self) -> list[Finding]:
        """What refuses a launch."""
        return self.report.errors

    @property
    def warnings(self) -> list[Finding]:
        """What should be read before one."""
        return [finding for finding in self.report.findings if finding.level is Level.WARNING]


class FormChecks:
    """Checks requests, and remembers what the interpreter said of the last settings that it found no error in."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._good: tuple[tuple[str, str, bool], list[Finding], TrainerAnswer] | None = None

    def quick(self, request: LaunchRequest) -> Checked:
        """Plan and cheap checks, and the interpreter's answer where these settings have it already."""
        try:
            plan = plan_launch(self.home, request)
            findings = check_settings(plan)
        except Exception as error:
            # a boundary: what is known becomes a finding, and the form stays
            problem = foreseen(error)
            return Checked(None, Report([finding_of(problem)], {}), is_whole=True)
        report = Report(findings, {})
        if report.errors:
            return Checked(plan, report, is_whole=True)
        if self._good is not None and self._good[0] == _subject(plan):
            _, environment, answer = self._good
            return Checked(plan, whole_report(plan, [*findings, *environment], answer), is_whole=True)
        return Checked(plan, report, is_whole=False)

    def whole(self, checked: Checked, *, is_wanted: Callable[[], bool] = lambda: True) -> Checked:
        """The quick checks with those of the interpreter that will train, which take some seconds."""
        plan = checked.plan
        if checked.is_whole or plan is None:
            return checked
        environment = list(check_environment(plan))
        findings = [*checked.report.findings, *environment]
        has_errors = bool(Report(environment, {}).errors)
        if has_errors or not is_wanted():
            return Checked(plan, Report(findings, {}), is_whole=has_errors)
        answer = check_trainer(plan, is_wanted=is_wanted)
        report = whole_report(plan, findings, answer)
        if not report.errors:
            # an error may be mended outside, so it is asked for again
            self._good = (_subject(plan), environment, answer)
        return Checked(plan, report, is_whole=True)

    def launch(self, checked: Checked) -> RunSummary:
        """Starts a run that was checked whole, and reads it. Raises RftuiError or OSError where it did not start."""
        assert checked.plan is not None and checked.is_whole and not checked.errors, "only what was checked is started"
        run_dir = start_run(checked.plan, versions=checked.report.trainer.get("versions", {}))
        return current_run(self.home, run_dir.name)


def foreseen(error: Exception) -> Problem:
    """What to say of an error; one that nobody foresaw is raised again."""
    problem = problem_of(error)
    if problem is None:
        raise error
    return problem


def finding_of(problem: Problem) -> Finding:
    """An error that is no finding of preflight, as one."""
    found = problem.error if problem.found in ("", problem.error) else f"{problem.error} ({problem.found})"
    return Finding(Level.ERROR, "settings", found, problem.expected, problem.fix)


def _subject(plan: LaunchPlan) -> tuple[str, str, bool]:
    """What the interpreter is asked about: everything but the name."""
    return config_toml(plan.config.model_copy(update={"name": "any"})), plan.python, plan.hides_gpus
