"""The call engine beside Bespoke Curator, NeMo Data Designer, distilabel and raw aiohttp.

How to repeat: ``make bench-peers PEERS_ENV=FOLDER``; ``CASES="cpu storm"`` takes these cases only.
The folder gets a virtual environment for each peer (the versions in ``versions.txt``), the drivers'
logs and ``measurements.jsonl``, a line for each case of each library. Only installing needs a
network: drivers run with telemetry, viewers and hubs switched off, and with a proxy that refuses.

What is measured. Each case starts the project's test server in a process of its own, on loopback,
and each library asks it for the same prompts, through its own public interface, in a process and
an interpreter of its own (``*_driver.py``). A library is given the case's concurrency, the timeout
where the case has one, no limit a minute, and else what it comes with; files go to an empty folder.

- cpu: CPU milliseconds a call of the process and its children, plain completions without latency.
- throughput: calls a second, 100 ms each, 500 at once.
- rate_limited: seconds for 1,000 calls of which 5 % meet 429 with Retry-After 1 s, 50 at once.
- slow_replies: seconds for 2,000 calls of 50 ms of which 1 % take 5 s, 50 at once.
- storm: seconds and rows of 2,000 structured requests under six faults, each on the first request
  for a prompt only, 128 at once, a timeout of 30 s.
- killed: the driver's process group is killed (SIGKILL) when the server has answered half of 2,000
  requests, 100 at once, and the driver is started again in the same folder: requests beyond the
  first for each prompt, as the server counted them, beside those without a reply at the kill.

How to read it. Figures hold what a run costs once (opening a lake, starting a pipeline), but not
what a process does once: 16 other prompts are asked first, except where the driver is killed. The
machine's other work is in them: compare libraries inside one table, not tables. A driver that
takes longer than its case allows is killed, and the table says so. Known limits: Data Designer's
last step counts tokens with a table that it would fetch, and does without it here; Curator is told
to pause 1 s at a 429, as the server asks, where 10 s is what it comes with; distilabel sends as
many prompts at once as its batch holds, and waits for the whole batch; aiohttp retries nothing, so
it has no figures where there are faults.
"""
