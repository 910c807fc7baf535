"""A server on 127.0.0.1 that speaks the providers' protocols, fails as it is told, and counts."""

from synth_assets_tests.server.counters import Counters, prompt_key
from synth_assets_tests.server.running import Serving, ServingProcess, serving, serving_process
from synth_assets_tests.server.settings import Fault, Settings

__all__ = [
    "Counters",
    "Fault",
    "Serving",
    "ServingProcess",
    "Settings",
    "prompt_key",
    "serving",
    "serving_process",
]
