"""`dagster dev`, for `synth-assets ui`: the same words in, the same server out, without its warning
about the project's own dagster.yaml.

That file is for a bare `dagster dev`; the UI's settings are in the home, where they belong. Any
other dagster.yaml in the folder is warned of as before.
"""

import logging
import sys
from pathlib import Path

FOUND = "Found a dagster instance configuration value (dagster.yaml) in the current folder"
"""How Dagster's warning begins."""

OUR_OWN = "`synth-assets ui` write the same settings"
"""What the comment at the head of the project's own file says."""


class OurOwnFile(logging.Filter):
    """Lets every record through but that warning, where the file in ``folder`` is our own."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / "dagster.yaml"

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.getMessage().startswith(FOUND) and self._is_ours())

    def _is_ours(self) -> bool:
        try:
            return OUR_OWN in self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False


def main() -> None:
    """Runs Dagster's command line with the words that follow."""
    from dagster._cli import main as dagster

    logging.getLogger("dagster").addFilter(OurOwnFile(Path.cwd()))
    sys.argv[0] = "dagster"
    dagster()


if __name__ == "__main__":
    main()
