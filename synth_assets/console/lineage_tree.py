"""The trace of a row in, a tree for people out: upwards what it was made from, downwards what
became of it. Texts of models are shown as they are, never as markup or terminal control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from synth_assets.console.plain_text import one_line, plain
from synth_assets.console.tables import count_of, money
from synth_assets.seed_files.records import unit_of

Told = Mapping[str, Any]
SHOWN_CHARACTERS = 600
SHOWN_CHILDREN = 12
LONGEST_LINE = 10_000
STATES = {"kept": "green", "ok": "green", "dropped": "yellow", "gone": "red"}


def print_trace(console: Console, trace: Told) -> None:
    """The whole answer, ancestors first."""
    nodes = {node["id"]: node for node in trace["ancestry"]}
    console.print(
        Text(f"{trace['kind']} {trace['id']} of {trace['recipe']}.{trace['table']}", "bold")
    )
    for retraction in trace["retractions"]:
        kind = retraction["kind"].replace("_", " ")
        console.print(
            _line("retracted", f"with the {kind} {retraction['target']}: {retraction['reason']}"),
            soft_wrap=True,
        )
        if left := retraction["left"]:
            counts = ", ".join(f"{table} {rows:,}" for table, rows in left.items())
            last = f"{counts}; last in version {retraction['last_version']} of the lake"
            console.print(_line("  left", last), soft_wrap=True)
        for tag, affected in retraction["tagged"].items():
            counts = ", ".join(f"{table} {rows:,}" for table, rows in affected.items())
            console.print(_line("  tagged", f"{tag} held rows of it: {counts}"), soft_wrap=True)
    shown: set[str] = set()
    _print_tree(console, _ancestry(nodes[trace["id"]], nodes, shown))
    _print_tree(console, _descent(trace["descent"]))
    cost = trace["cost"]
    console.print(
        f"Money, in whole calls: {money(cost['own_usd'])} USD for the row itself, "
        f"{money(cost['ancestors_usd'])} for its ancestors, {money(cost['judging_usd'])} for "
        "judging",
        soft_wrap=True,
    )


def _print_tree(console: Console, tree: Tree) -> None:
    """Folded into the width of a terminal, whole lines elsewhere; rich would cut them."""
    if console.is_terminal:
        console.print(tree)
    else:
        wide = console.options.update(max_width=LONGEST_LINE)
        for line in console.render_lines(tree, wide, pad=False):
            text = "".join(segment.text for segment in line)
            console.print(Text(text.rstrip()), soft_wrap=True)


def _ancestry(node: Told, nodes: Mapping[str, Told], shown: set[str]) -> Tree:
    tree = Tree(_heading(node))
    shown.add(node["id"])
    for part in _parts(node):
        tree.add(part)
    for parent in node["parents"]:
        if parent not in nodes:
            tree.add(_line("made from", parent))
        elif parent in shown:
            tree.add(_line("made from", f"{nodes[parent]['kind']} {parent}, shown above"))
        else:
            tree.add(_ancestry(nodes[parent], nodes, shown))
    return tree


def _heading(node: Told) -> Text:
    heading = Text(f"{node['kind']} ", "bold").append(node["id"], "cyan")
    said = [node["method"], node["operator"], node["model"]]
    said.append(None if node["round"] is None else f"round {node['round']}")
    words = [one_line(str(word), 60) for word in said if word]
    return heading.append(f"  {', '.join(words)}", "default") if words else heading


def _parts(node: Told) -> list[Text | Tree]:
    parts: list[Text | Tree] = []
    if not node["tables"]:
        parts.append(_line("gone", "no table holds the row any more"))
    if node["seed"]:
        seed = node["seed"]
        licence = seed["licence"] or "no licence declared"
        where = f"{seed['source_file']}, {unit_of(seed['source_file'])} {seed['source_line']}"
        parts.append(_line("seed", f"{where}; {licence}"))
    if label := node.get("rows", {}).get("human_labels"):
        place = f"files[{label['label_file']}], line {label['label_line']}"
        parts.append(_line("label", f"pairs.human_preferences.{place}: {label['preferred']}"))
    if node["text"]:
        parts.append(_line("text", _short(node["text"])))
    if node["template"]:
        parts.append(_template(node["template"]))
    parts += [_call(call) for call in node["calls"]]
    parts += [_judgment(judgment) for judgment in node["judgments"]]
    if node["filters"]:
        parts.append(_filters(node["filters"]))
    parts += [
        _line(
            "version",
            f"{version['table']}: written by commit {version['commit']} "
            f"(run {version['run_id'] or '–'}), in all up to commit {version['newest_commit']}",
        )
        for version in node["versions"]
        if version["commit"] is not None
    ]
    return parts


def _template(template: Told) -> Text | Tree:
    line = _line("template", f"{template['name'] or 'unknown'}, hash {template['hash']}")
    tree = Tree(line)
    tree.add(Text(_short(template["text"] or template["note"] or "")))
    return tree


def _call(call: Told) -> Text | Tree:
    if not call["is_known"]:
        return _line("call", f"{call['call_id']}: no longer in the table of calls")
    parameters = ", ".join(f"{k} {v}" for k, v in sorted((call["parameters"] or {}).items()))
    tree = Tree(
        _line(
            "call",
            f"{call['call_id']} to {call['model']}: {call['status']}, {money(call['cost_usd'])} "
            f"USD{'; ' + parameters if parameters else ''}",
        )
    )
    tree.add(_line("request", _short(_request(call["request"]))))
    tree.add(_line("reply", _short(call["text"] or call["error"] or "")))
    if call["shown"]:
        tree.add(_line("shown with", ", ".join(call["shown"])))
    return tree


def _request(request: str | None) -> str:
    """The turns of a canonical request; the request itself where it is none."""
    try:
        turns = json.loads(request or "{}")["messages"]
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
    except (ValueError, LookupError, TypeError):
        return request or ""


def _judgment(judgment: Told) -> Text:
    rating = judgment["status"] if judgment["rating"] is None else f"{judgment['rating']:g}"
    rationale = f": {_short(judgment['rationale'])}" if judgment["rationale"] else ""
    said = f"{judgment['criterion']} {rating} by {judgment['judge']}{rationale}"
    if judgment["is_retracted"]:
        because = f": {judgment['because']}" if judgment["because"] else ""
        said = f"{said} (retracted{because})"
    return _line("judged", said)


def _filters(filters: Sequence[Told]) -> Text:
    passed = [rule["rule"] for rule in filters if rule["result"] == "passed"]
    dropped = [rule for rule in filters if rule["result"] == "dropped"]
    said = f"passed {', '.join(passed)}" if passed else "passed none"
    for rule in dropped:
        setting = "" if rule["setting"] is None else f" (set to {rule['setting']})"
        said = f"dropped by {rule['rule']}{setting} of {rule['stage']}; {said}"
    return _line("filters", said)


def _descent(descent: Sequence[Told]) -> Tree:
    tree = Tree(Text(f"made from it: {count_of(len(descent), 'row')}", "bold"))
    kinds = dict.fromkeys(row["kind"] for row in descent)
    for kind in kinds:
        rows = [row for row in descent if row["kind"] == kind]
        kept = sum(row["state"] in ("kept", "ok") for row in rows)
        branch = tree.add(Text(f"{count_of(len(rows), kind)}, {kept:,} kept", "default"))
        for row in rows[:SHOWN_CHILDREN]:
            branch.add(_child(row))
        if len(rows) > SHOWN_CHILDREN:
            branch.add(Text(f"… {len(rows) - SHOWN_CHILDREN:,} more; --json gives all"))
    return tree


def _child(row: Told) -> Text:
    because = f": {row['because']}" if row.get("because") else ""
    reason = one_line(f"({row['reason']}{because})", 200) if row["reason"] else ""
    line = Text(f"{row['id']} ", "cyan")
    line.append(f"{plain(row['state'])} {reason}".rstrip(), STATES.get(row["state"], "yellow"))
    words = one_line(row["first_words"], 80) if row["first_words"] else ""
    return line.append(f"  {words}", "default")


def _line(name: str, value: str) -> Text:
    return Text(f"{name}  ", "magenta").append(plain(value), "default")


def _short(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]} …"
