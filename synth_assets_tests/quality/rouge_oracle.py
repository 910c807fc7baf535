"""Google's ROUGE, the oracle of ours, without what its import does to logging.

It imports absl, whose log handler keeps the ``sys.stderr`` of that moment, which under pytest is
the capture file. Dagster configures logging anew at each run, which closes every handler, and
absl's closes its stream unless that is standard error by then: the capture would be gone, and
with it every later test of the worker.
"""

from __future__ import annotations

import sys

from absl import logging
from rouge_score.rouge_scorer import RougeScorer

logging.get_absl_handler().python_handler.stream = sys.__stderr__

__all__ = ["RougeScorer"]
