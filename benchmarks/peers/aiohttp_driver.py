"""Drives raw aiohttp, the ceiling: posts, reads the replies, and nothing else. It retries nothing,
so it is measured only where nothing fails."""

from __future__ import annotations

from benchmarks.calls.client import post_all
from benchmarks.peers.driving import Task, drive


def ask(task: Task, prompts: list[str], name: str) -> int:
    return post_all(task.base_url, iter(prompts), task.concurrency)


if __name__ == "__main__":
    drive(ask)
