"""What writers that died left in their journals in; calls in the store, and their money in the
budget's accounts, out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from synth_assets.llm import journal_files
from synth_assets.llm.accounts import Accounts
from synth_assets.llm.call_store import CallStore
from synth_assets.llm.journal import move

BUDGET_FILE = "budget.sqlite"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What `recover` found: calls moved into the store, lines that were torn, files removed."""

    calls: int = 0
    torn_lines: int = 0
    files: int = 0


def recover(home: Path, calls: CallStore) -> Recovered:
    """Moves what dead writers left into the store and removes their files.

    Moving twice changes nothing, because rows are known by their ids, and the accounts remember
    up to which byte of a segment they have counted; so a death at any moment of this does no
    harm. The files of a writer that lives are left alone.
    """
    moved = torn = files = 0
    folder = home / "journal"
    left = sorted(folder.glob(f"*{journal_files.SEGMENT}"))
    owners = sorted(folder.glob(f"*{journal_files.OWNER}"))
    if not left and not owners:
        return Recovered()
    accounts = Accounts(home / BUDGET_FILE) if (home / BUDGET_FILE).exists() else None
    try:
        for path in left:
            descriptor = journal_files.take_from_dead(path)
            if descriptor is None:
                continue
            try:
                here, torn_here = move(os.dup(descriptor), calls)
                if accounts is not None:
                    accounts.count_segment(path)
                path.unlink()
            finally:
                os.close(descriptor)
            if accounts is not None:
                accounts.forget_segment(path)
            moved, torn, files = moved + here, torn + torn_here, files + 1
        for path in owners:
            _bury(path, accounts)
        if accounts is not None:
            for name in accounts.segments:
                if not (folder / name).exists():  # its writer died between removing and forgetting
                    accounts.forget_segment(folder / name)
    finally:
        if accounts is not None:
            accounts.close()
    return Recovered(moved, torn, files)


def _bury(owner: Path, accounts: Accounts | None) -> None:
    """Gives back what a dead writer had leased of a budget."""
    descriptor = journal_files.take_from_dead(owner)
    if descriptor is None:
        return
    try:
        if accounts is not None:
            accounts.bury(owner)
        owner.unlink()
    finally:
        os.close(descriptor)
