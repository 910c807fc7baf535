"""Runs inside the sandbox: code from standard input is executed behind limits of this process.

It is handed to ``python -c`` as text and imports nothing of this package. Arguments: CPU seconds,
bytes of memory, bytes of a file, bytes of the code. A first byte of output says that it is ready
for the code, of which it runs all or nothing: by then this process dies with its caller, and a
caller that died before has sent nothing.
"""

import linecache
import os
import random
import resource
import sys
import traceback

NAME = "<code>"
OPEN_FILES = 64


def limit(cpu_seconds: int, memory_bytes: int, file_bytes: int) -> None:
    """Soft and hard limits, so that the code cannot raise them again."""
    for what, soft, hard in (
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 1, 1),
    ):
        resource.setrlimit(what, (soft, hard))


def main() -> int:
    *limits, size = (int(argument) for argument in sys.argv[1:])
    os.write(1, b".")
    source = sys.stdin.buffer.read()
    if len(source) != size:
        return 1
    code = source.decode("utf-8", "replace")
    # Errors go where the output goes, in its order; what bubblewrap says stays apart.
    os.dup2(1, 2)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    limit(*limits)
    sys.argv = [NAME]
    random.seed(0)  # the same code prints the same when a table is made again
    linecache.cache[NAME] = (len(code), None, [f"{line}\n" for line in code.split("\n")], NAME)
    try:
        exec(compile(code, NAME, "exec"), {"__name__": "__main__"})
    except Exception as error:
        # This frame is no part of what went wrong.
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        sys.stdout.flush()
        traceback.print_exception(type(error), error, frames)
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
