"""How long `why` takes in a large lake: a number of completions in, a table of seconds out.

Run as ``python -m benchmarks.lineage.why [ROWS]``. The lake is kept under ``.synth_bench/`` and
taken again. The floor: every look-up's median within ``FLOOR_S``.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from benchmarks.lineage.lake_of_a_million import RECIPE, make_lake
from synth_assets.lineage.trace import trace_row
from synth_assets.project import find_recipe
from synth_assets.recipe import Recipe, load_recipe
from synth_assets.store.lake import Lake

FLOOR_S = 1.0
REPEATS = 5
LOOKED_UP = {
    "sft_set": "example_id",
    "dpo_set": "pair_id",
    "completions": "completion_id",
    "judgments": "judgment_id",
    "mutated_prompts": "prompt_id",
    "seed_prompts": "prompt_id",
}


def main(rows: int) -> int:
    """Prints the table; gives the exit code: 1 where a median is above the floor."""
    home = make_lake(Path(".synth_bench") / f"why_by_prompt_{rows}", rows)
    recipe = load_recipe(find_recipe("quickstart")).model_copy(update={"name": RECIPE})
    slow = 0
    print(f"{rows:,} completions; seconds of {REPEATS} look-ups of different rows")
    with Lake(home, read_only=True) as lake:
        lake.execute("SELECT 1")
        for table, key in LOOKED_UP.items():
            seconds = [_timed(lake, recipe, table, key, 7 + 1_000 * n) for n in range(REPEATS)]
            median = statistics.median(seconds)
            slow += median > FLOOR_S
            print(f"{table:<18} median {median:.2f}  worst {max(seconds):.2f}")
    print(f"floor: {FLOOR_S:.1f} s; {'missed' if slow else 'kept'}")
    return 1 if slow else 0


def _timed(lake: Lake, recipe: Recipe, table: str, key: str, place: int) -> float:
    relation = Lake.relation(RECIPE, table)
    (id,) = lake.execute(f"SELECT {key} FROM {relation} LIMIT 1 OFFSET {place}")[0]
    started = time.perf_counter()
    trace_row(lake, recipe, id)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
