"""Pairs of answers in as JSON lines, math-verify's verdicts out: a process of its own.

math-verify works without its timeouts here (they need the main thread), and a model may write an
answer that takes for ever or fills the memory. The kernel ends this process then, even inside
native code, after seconds of its own CPU time, so that a busy machine changes no verdict. It is
run by path, imports nothing of this package, and inherits no credentials.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import sys

MEMORY_BYTES = 4 * 1024**3


def decide(gold: str, answer: str) -> bool | None:
    """math-verify's verdict, gold first: it is not symmetric. None where it cannot read a side."""
    # Imported here: the search for methods imports this module too, and sympy takes a second.
    from math_verify import parse, verify

    try:
        parsed = [parse(f"${text}$", parsing_timeout=None) for text in (gold, answer)]  # type: ignore[arg-type]
        # Where nothing can be read, `parse` gives back the text itself, or nothing.
        if any(all(isinstance(part, str) for part in parts) for parts in parsed):
            return None
        return verify(parsed[0], parsed[1], timeout_seconds=None, raise_on_error=True)
    except Exception:  # whatever a hostile expression raises inside sympy: there is no verdict
        return None


def main(cpu_seconds: float) -> None:
    # A library that prints must not break the protocol.
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    logging.disable(logging.CRITICAL)
    with contextlib.suppress(ValueError, OSError):  # not every system lets memory be limited
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    decide("1", "1")  # what is loaded with the first comparison is no part of its time
    for line in sys.stdin:
        pair = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # SIGPROF ends the process
        verdict = decide(pair["gold"], pair["answer"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(json.dumps(verdict) + "\n")
        replies.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
