"""Makes the pictures in docs/ anew: runs quickstart for two rounds in a new home, opens the UI.

``make screenshots`` calls it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium.webdriver.remote.webdriver import WebDriver

from synth_assets_tests.browser.chromium import browser, user_interface

HERE = Path(__file__).resolve().parent
LINEAGE = "view=lineage&lineageScope=upstream&lineageDepth=10"
PAGES = {
    "lineage": f"/assets/quickstart/sft_set?{LINEAGE}",
    "set": "/assets/quickstart/sft_set?view=overview",
    "candidates": "/assets/quickstart/mutated_prompts?view=events",
    "checks": "/assets/quickstart/dpo_set?view=checks",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {"SYNTH_HOME": f"{folder}/home", "SYNTH_PROJECT": str(HERE.parent)}
        for words in (["quickstart"], ["quickstart", "--round", "new"]):
            subprocess.run(
                [sys.executable, "-m", "synth_assets.cli", "run", *words],
                env={**os.environ, **environment},
                check=True,
            )
        with (
            user_interface(environment, Path(folder) / "ui.log") as address,
            browser(Path(folder) / "profile") as driver,
        ):
            for name, page in PAGES.items():
                picture(driver, f"{address}{page}", HERE / f"{name}.png")


def picture(driver: WebDriver, address: str, file: Path) -> None:
    driver.get(address)
    time.sleep(10)  # the graph is laid out by a worker of the page, which nothing announces
    driver.save_screenshot(str(file))
    print(file.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
