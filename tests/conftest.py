"""Settings of every test."""

from __future__ import annotations

import os

from hypothesis import settings

# what a push is judged by must not depend on chance; `HYPOTHESIS_PROFILE=search` looks for new cases
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
