"""The test server as a process: prints its address, serves until its standard input closes.

python -m synth_assets_tests.server --port 0 --settings '{"latency_s": 0.1}'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading

from synth_assets_tests.server.app import App
from synth_assets_tests.server.running import new_loop, serve
from synth_assets_tests.server.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 for any")
    parser.add_argument("--settings", default="{}", help="see Settings, as JSON")
    arguments = parser.parse_args()
    loop = new_loop()
    stop = asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(stop.set)

    def started(_: App, address: str) -> None:
        print(address, flush=True)
        threading.Thread(target=wait_for_the_end, daemon=True).start()

    settings = Settings.from_json(json.loads(arguments.settings))
    loop.run_until_complete(serve(settings, arguments.port, started, stop))
    loop.close()


if __name__ == "__main__":
    main()
