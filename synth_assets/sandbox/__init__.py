"""Model-written Python in, what it printed out: run by bubblewrap behind limits, or not at all."""

from synth_assets.sandbox.execution import Limits, Outcome, run_many, run_python
from synth_assets.sandbox.readiness import SandboxError, require_sandbox, why_no_sandbox

__all__ = [
    "Limits",
    "Outcome",
    "SandboxError",
    "require_sandbox",
    "run_many",
    "run_python",
    "why_no_sandbox",
]
