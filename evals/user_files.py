"""Python files of the user's own, rewards and tasks, imported by path and told apart from ours when they fail.

Loading runs the user's code, so only the interpreter that trains or checks does it.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

from evals.errors import EvalsError


def imported_file(path: Path, *, what: str, error: type[EvalsError]) -> ModuleType:
    """The file as a module under a name of its own; whatever one file defines shares one module.

    Runs the user's code, so only the interpreter that trains or checks calls this. Raises `error`, with `what` (the
    setting that named the file) in front, for a file that does not import.
    """
    name = f"user_file_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_loader(name, loader)
    assert spec is not None, "a loader was given"
    module = module_from_spec(spec)
    # dataclasses and pickling look a class's module up by its name
    sys.modules[name] = module
    try:
        # not loader.exec_module: that would leave bytecode beside the user's file
        exec(loader.source_to_code(loader.get_data(str(path)), str(path)), vars(module))
    # importing runs the user's own code, which may raise anything and may call sys.exit
    except (Exception, SystemExit) as raised:
        del sys.modules[name]
        raise error(
            f"{what}: {path} does not import: {_last_line(raised)}{line_in(path, raised)}",
            expected="a Python file that imports",
            fix=_import_fix(path, raised),
        ) from raised
    return module


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def line_in(path: Path, error: BaseException) -> str:
    """` (line 3)`, the line of that file where it went wrong; empty where no line is to blame."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f" (line {error.lineno})" if error.lineno else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines else ""


def _import_fix(path: Path, error: BaseException) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (path.parent / f"{missing}.py").is_file():
        return f"the file is loaded alone, without its folder: move what it needs of {missing}.py into it"
    if missing:
        return f"install {missing} in the interpreter that trains, {sys.executable}"
    return "mend the file, and try it with that interpreter alone"
