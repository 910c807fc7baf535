"""A model in; how its provider's batch API is spoken to, out: OpenAI's shape, or Anthropic's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import aiohttp
import orjson

from synth_assets.errors import CallError, RejectedCallError, TransientCallError
from synth_assets.llm.transports.http_errors import call_error
from synth_assets.llm.transports.http_session import HttpSession, Place

BatchStatus = Literal["pending", "ended", "refused"]
"""``ended``: whatever came of its items can be read. ``refused``: the provider took the batch and
then found it wrong as a whole."""

Result = str | CallError | None
"""The body of an item's reply, its error, or None where it was not executed."""

MOST_BYTES = 1_000_000_000
CLOCKS_MAY_DIFFER_S = 600.0
PAGES = 50


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as its provider sees it. files: where results are. problem: why it was refused."""

    id: str
    status: BatchStatus
    files: tuple[str, ...] = ()
    problem: str | None = None


class BatchApi(Protocol):
    """One provider's shape. Errors of each: `TransientCallError`, `RejectedCallError`."""

    @property
    def tells_names(self) -> bool:
        """Batches carry the name we gave them."""
        ...

    async def submit(self, name: str, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Submits (custom id, body) of each request; gives the batch's id."""
        ...

    async def find(self, name: str, count: int, since: float) -> list[str]:
        """Batches that may be the one of this name, newest first."""
        ...

    async def look(self, batch_id: str) -> BatchState: ...

    async def results(self, state: BatchState) -> list[tuple[str, Result]]:
        """(custom id, result) of what an ended batch says, in no order."""
        ...


class _Http:
    def __init__(self, session: HttpSession, place: Place, ending: str) -> None:
        self._session, self._place = session, place
        self._base = place.url.path.removesuffix(ending)

    def at(self, path: str, **query: str) -> Place:
        url = self._place.url
        url = url.with_path(self._base + path).with_query({**url.query, **query})
        return replace(self._place, url=url)

    async def get(self, path: str, **query: str) -> str:
        place = self.at(path, **query)
        return (await self._session.get(place, most_bytes=MOST_BYTES)).text

    async def post(self, path: str, value: Mapping[str, Any]) -> Any:
        answer = await self._session.post(self.at(path), orjson.dumps(value))
        return self.parsed(answer.text)

    async def upload(self, path: str, form: aiohttp.FormData) -> Any:
        place = self.at(path)
        headers = {n: v for n, v in place.headers.items() if n.lower() != "content-type"}
        answer = await self._session.post(replace(place, headers=headers), form)
        return self.parsed(answer.text)

    def parsed(self, text: str) -> Any:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise TransientCallError(
                f"{self._place.name}: truncated_body: no JSON: {text[:200]!r}",
                kind="truncated_body",
                raw_reply=text,
            ) from error

    def lines(self, text: str) -> Iterator[Any]:
        for line in text.splitlines():
            if line.strip():
                yield self.parsed(line)

    def error(self, status: int, body: Any) -> CallError:
        return call_error(status, {}, orjson.dumps(body).decode(), self._place.name)


class OpenAIBatches:
    """``/files`` and ``/batches``; a batch's metadata hold its name."""

    tells_names = True

    def __init__(self, session: HttpSession, place: Place) -> None:
        self._http = _Http(session, place, "/chat/completions")

    async def submit(self, name: str, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        url = "/v1/chat/completions"
        content = b"".join(
            orjson.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})
            + b"\n"
            for custom_id, body in lines
        )
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", content, filename=f"{name}.jsonl", content_type="application/jsonl")
        file = await self._http.upload("/files", form)
        batch = await self._http.post(
            "/batches",
            {
                "input_file_id": file["id"],
                "endpoint": url,
                "completion_window": "24h",
                "metadata": {"synth_assets": name},
            },
        )
        return batch["id"]

    async def find(self, name: str, count: int, since: float) -> list[str]:
        found: list[str] = []
        query = {"limit": "100"}
        for _ in range(PAGES):
            page = self._http.parsed(await self._http.get("/batches", **query))
            batches = page["data"]
            found += [
                batch["id"]
                for batch in batches
                if (batch.get("metadata") or {}).get("synth_assets") == name
                and batch["created_at"] >= since - CLOCKS_MAY_DIFFER_S
            ]
            is_older = batches and batches[-1]["created_at"] < since - CLOCKS_MAY_DIFFER_S
            if not page.get("has_more") or is_older:
                break
            query["after"] = batches[-1]["id"]
        return found

    async def look(self, batch_id: str) -> BatchState:
        batch = self._http.parsed(await self._http.get(f"/batches/{batch_id}"))
        files = (batch.get("output_file_id"), batch.get("error_file_id"))
        match batch["status"]:
            case "completed" | "expired" | "cancelled":
                return BatchState(batch_id, "ended", tuple(filter(None, files)))
            case "failed":
                problems = (batch.get("errors") or {}).get("data") or []
                said = "; ".join(str(problem.get("message")) for problem in problems[:3])
                return BatchState(batch_id, "refused", problem=said or "no reason given")
        return BatchState(batch_id, "pending")

    async def results(self, state: BatchState) -> list[tuple[str, Result]]:
        found: list[tuple[str, Result]] = []
        for file in state.files:
            text = await self._http.get(f"/files/{file}/content")
            found += [(line["custom_id"], self._result(line)) for line in self._http.lines(text)]
        return found

    def _result(self, line: Any) -> Result:
        response = line.get("response")
        if response is None:
            return None
        if response["status_code"] == 200:
            return orjson.dumps(response["body"]).decode()
        return self._http.error(response["status_code"], response["body"])


class AnthropicBatches:
    """``/messages/batches``. They carry no name: one that was submitted by a process that died is
    known by its time and size, until its results tell what it holds."""

    tells_names = False

    def __init__(self, session: HttpSession, place: Place) -> None:
        self._http = _Http(session, place, "")

    async def submit(self, name: str, lines: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        requests = [{"custom_id": custom_id, "params": body} for custom_id, body in lines]
        return (await self._http.post("/batches", {"requests": requests}))["id"]

    async def find(self, name: str, count: int, since: float) -> list[str]:
        found: list[str] = []
        query = {"limit": "100"}
        for _ in range(PAGES):
            page = self._http.parsed(await self._http.get("/batches", **query))
            times = [datetime.fromisoformat(b["created_at"]).timestamp() for b in page["data"]]
            found += [
                batch["id"]
                for batch, time in zip(page["data"], times, strict=True)
                if sum(batch["request_counts"].values()) == count
                and time >= since - CLOCKS_MAY_DIFFER_S
            ]
            if not page.get("has_more") or times[-1] < since - CLOCKS_MAY_DIFFER_S:
                break
            query["after_id"] = page["last_id"]
        return found

    async def look(self, batch_id: str) -> BatchState:
        batch = self._http.parsed(await self._http.get(f"/batches/{batch_id}"))
        is_over = batch["processing_status"] == "ended"
        return BatchState(batch_id, "ended" if is_over else "pending")

    async def results(self, state: BatchState) -> list[tuple[str, Result]]:
        text = await self._http.get(f"/batches/{state.id}/results")
        return [
            (line["custom_id"], self._result(line["result"])) for line in self._http.lines(text)
        ]

    def _result(self, result: Any) -> Result:
        match result["type"]:
            case "succeeded":
                return orjson.dumps(result["message"]).decode()
            case "errored":
                error = result["error"]
                kind = (error.get("error") or error).get("type")
                return self._http.error(STATUS_OF.get(kind, 500), error)
        return None


STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "overloaded_error": 503,
}


def refusal(problem: str) -> RejectedCallError:
    """What every item of a batch met that was refused as a whole."""
    return RejectedCallError(f"the batch was refused: {problem}", kind="bad_request")
