"""Batch endpoints of OpenAI's and Anthropic's shape, with files kept in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from synth_assets_tests.server.http import HttpRequest
from synth_assets_tests.server.protocols import CHAT, MESSAGES, Body, Format, format_of
from synth_assets_tests.server.settings import draw

if TYPE_CHECKING:
    from synth_assets_tests.server.app import App

Answer = tuple[int, bytes]
PAGE = 20
STARTED_AT = 1_800_000_000


@dataclass
class Batch:
    """One batch. items: (custom id, body) of each request. is_of_anthropic decides its form."""

    id: str
    is_of_anthropic: bool
    form: Format
    items: list[tuple[str, Body]]
    made_at: float
    number: int
    metadata: dict[str, str] = field(default_factory=dict)
    input_file: str = ""
    is_cancelled: bool = False
    ended: str = ""
    lines: list[Body] = field(default_factory=list)
    failed: list[Body] = field(default_factory=list)


class Batches:
    """The batches and files of one server. A batch ends when it is looked at after its time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, Batch] = {}

    def handle(self, request: HttpRequest) -> Answer:
        """Status and body of the answer."""
        path = re.sub(r"^/v1", "", request.path)
        steps = path.strip("/").split("/")
        method = request.method
        match steps:
            case ["files"] if method == "POST":
                return self._upload(request)
            case ["files", name, "content"] if name in self._files:
                return 200, self._files[name]
            case ["batches"] if method == "POST":
                return self._create(orjson.loads(request.body))
            case ["messages", "batches"] if method == "POST":
                return self._create_messages(orjson.loads(request.body))
            case ["batches"]:
                return self._list(request, False)
            case ["messages", "batches"]:
                return self._list(request, True)
            case ["batches", name, *rest] | ["messages", "batches", name, *rest]:
                batch = self._batches.get(name)
                if batch is not None and batch.is_of_anthropic == (steps[0] == "messages"):
                    return self._look(batch, rest)
        form = MESSAGES if steps[0] == "messages" else CHAT
        return 404, orjson.dumps(form.error(404, "not_found", f"there is no {path}"))

    def _look(self, batch: Batch, rest: list[str]) -> Answer:
        self._end_if_due(batch)
        if rest == ["cancel"]:
            batch.is_cancelled = True
            self._end_if_due(batch)
        if rest == ["results"]:
            return 200, b"\n".join(orjson.dumps(line) for line in batch.lines + batch.failed)
        return 200, orjson.dumps(self._shown(batch))

    def _upload(self, request: HttpRequest) -> Answer:
        boundary = request.headers["content-type"].partition("boundary=")[2].strip('"')
        for part in request.body.split(b"--" + boundary.encode())[1:-1]:
            described, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in described:
                name = f"file-{len(self._files) + 1}"
                self._files[name] = content.removesuffix(b"\r\n")
                self._app.counters.files += 1
                shown = {"id": name, "object": "file", "purpose": "batch", "bytes": len(content)}
                return 200, orjson.dumps(shown)
        return 400, orjson.dumps(CHAT.error(400, "invalid_request_error", "there is no file"))

    def _create(self, body: Body) -> Answer:
        form = format_of(body["endpoint"])
        content = self._files.get(body["input_file_id"])
        if form is None or content is None:
            return 400, orjson.dumps(CHAT.error(400, "invalid_request_error", "no such file"))
        lines = [orjson.loads(line) for line in content.splitlines() if line.strip()]
        items = [(line["custom_id"], line["body"]) for line in lines]
        return self._add("batch", False, form, items, body)

    def _create_messages(self, body: Body) -> Answer:
        items = [(item["custom_id"], item["params"]) for item in body["requests"]]
        return self._add("msgbatch", True, MESSAGES, items, body)

    def _add(
        self, prefix: str, is_of_anthropic: bool, form: Format, items: Any, body: Body
    ) -> Answer:
        number = len(self._batches) + 1
        batch = Batch(
            f"{prefix}_{number}",
            is_of_anthropic,
            form,
            items,
            self._app.now,
            number,
            body.get("metadata") or {},
            body.get("input_file_id", ""),
        )
        self._batches[batch.id] = batch
        self._app.counters.batches += 1
        return 200, orjson.dumps(self._shown(batch))

    def _list(self, request: HttpRequest, is_of_anthropic: bool) -> Answer:
        """Newest first, a page at a time."""
        query = parse_qs(request.query)
        after = (query.get("after") or query.get("after_id") or [""])[0]
        limit = int((query.get("limit") or [PAGE])[0])
        known = [b for b in self._batches.values() if b.is_of_anthropic == is_of_anthropic]
        newest = sorted(known, key=lambda batch: -batch.number)
        start = next((n + 1 for n, batch in enumerate(newest) if batch.id == after), 0)
        page = newest[start : start + limit]
        for batch in page:
            self._end_if_due(batch)
        shown: Body = {
            "object": "list",
            "data": [self._shown(batch) for batch in page],
            "has_more": start + limit < len(newest),
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
        return 200, orjson.dumps(shown)

    def _end_if_due(self, batch: Batch) -> None:
        """Answers a batch's items when its time has come, or leaves them, as the settings say."""
        settings = self._app.settings
        is_due = self._app.now >= batch.made_at + settings.batch_s
        if batch.ended or not (is_due or batch.is_cancelled):
            return
        batch.ended = "cancelled" if batch.is_cancelled else settings.batch_ends
        if batch.ended == "failed" and not batch.is_of_anthropic:
            return
        for place, (custom_id, body) in enumerate(batch.items):
            if batch.ended == "completed" or place < len(batch.items) // 2:
                self._answer(batch, custom_id, body)
            else:
                self._leave(batch, custom_id)
        if not batch.is_of_anthropic:
            self._files[f"{batch.id}-output"] = _lines(batch.lines)
            self._files[f"{batch.id}-errors"] = _lines(batch.failed)

    def _answer(self, batch: Batch, custom_id: str, body: Body) -> None:
        prompt = batch.form.prompt(body)
        self._app.count(prompt)
        settings = self._app.settings
        if draw(settings.seed, "batch", prompt.text) < settings.batch_failed_share:
            error = batch.form.error(400, "invalid_request_error", "not this one")
            batch.failed.append(_errored(batch, custom_id, error))
            return
        reply, texts = self._app.reply_to(batch.form, prompt)
        self._app.charge(prompt, texts)
        result: Body = {"type": "succeeded", "message": reply}
        if not batch.is_of_anthropic:
            response = {"status_code": 200, "request_id": "r1", "body": reply}
            result = {"id": f"batch_req_{custom_id}", "response": response, "error": None}
            batch.lines.append({"custom_id": custom_id, **result})
        else:
            batch.lines.append({"custom_id": custom_id, "result": result})

    def _leave(self, batch: Batch, custom_id: str) -> None:
        """An item that the batch's end left without an answer."""
        ended = "canceled" if batch.ended == "cancelled" else "expired"
        if batch.is_of_anthropic:
            batch.failed.append({"custom_id": custom_id, "result": {"type": ended}})
        else:
            error = {"code": f"batch_{batch.ended}", "message": "this request was not executed"}
            batch.failed.append({"custom_id": custom_id, "response": None, "error": error})

    def _shown(self, batch: Batch) -> Body:
        done, failed, total = len(batch.lines), len(batch.failed), len(batch.items)
        if batch.is_of_anthropic:
            kinds = [line["result"]["type"] for line in batch.failed]
            is_over = bool(batch.ended)
            return {
                "id": batch.id,
                "type": "message_batch",
                "processing_status": "ended" if is_over else "in_progress",
                "request_counts": {
                    "processing": 0 if is_over else total,
                    "succeeded": done,
                    "errored": kinds.count("errored"),
                    "canceled": kinds.count("canceled"),
                    "expired": kinds.count("expired"),
                },
                "created_at": f"2027-01-15T08:00:{batch.number % 60:02d}Z",
                "results_url": f"/v1/messages/batches/{batch.id}/results" if is_over else None,
            }
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "status": batch.ended or "in_progress",
            "input_file_id": batch.input_file,
            "output_file_id": f"{batch.id}-output" if batch.lines else None,
            "error_file_id": f"{batch.id}-errors" if batch.failed else None,
            "errors": {"data": [{"code": "invalid", "message": "not like that"}]}
            if batch.ended == "failed"
            else None,
            "created_at": STARTED_AT + batch.number,
            "request_counts": {"total": total, "completed": done, "failed": failed},
            "metadata": batch.metadata,
        }


def _errored(batch: Batch, custom_id: str, error: Body) -> Body:
    if batch.is_of_anthropic:
        return {"custom_id": custom_id, "result": {"type": "errored", "error": error}}
    response = {"status_code": 400, "request_id": "r1", "body": error}
    return {"custom_id": custom_id, "response": response, "error": None}


def _lines(values: list[Body]) -> bytes:
    return b"".join(orjson.dumps(value) + b"\n" for value in values)
