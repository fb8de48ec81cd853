"""Sends fuzzed requests to a served API and says what must never be answered.

`make fuzz ARGS="--requests 100000 --seed 7"` sends many; the tests send a few.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

import orjson

from aggregates.embedded import EmbeddedPostgres
from api.codes import ErrorCode
from api.documents.limits import Limits
from tests.api.fuzz import Fuzzed, Fuzzer
from tests.data.served_courses import STAFF, STUDENTS, Served, big_course, serve, small_course

DEADLINE_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""What reading, checking and writing may take on a busy machine, beside the question's deadline."""
LIMITS = Limits(deadline_seconds=DEADLINE_SECONDS)


async def send(served: Served, fuzzed: Fuzzed, user_id: int | None) -> str | None:
    """What is wrong with the answer to a request; None: nothing."""
    headers = {**fuzzed.headers, **served.headers(user_id)}
    began = time.monotonic()
    answer = await served.client.request(
        fuzzed.method, fuzzed.path, headers=headers, content=fuzzed.body
    )
    took = time.monotonic() - began
    if answer.status_code >= 500:
        return f"status {answer.status_code}"
    if took > DEADLINE_SECONDS + SLACK_SECONDS:
        return f"took {took:.1f} s"
    if b"Traceback" in answer.content or b'File "' in answer.content:
        return "a stack trace"
    if answer.status_code == 304:
        return None
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return "no JSON"
    for error in body.get("errors", ()):
        code = error["extensions"]["code"]
        if code not in set(ErrorCode) or code in ("INTERNAL", "STORE_UNAVAILABLE"):
            return f"code {code}"
    return None


async def run(served: Served, *, seed: int, requests: int) -> list[str]:
    """Send so many requests; what was wrong, each with the seed that makes it again."""
    wrong = []
    who = random.Random(seed)
    for number in range(requests):
        fuzzed = Fuzzer(seed + number).request()
        user_id = who.choice((None, STAFF, STUDENTS[0]))
        problem = await send(served, fuzzed, user_id)
        if problem:
            wrong.append(f"seed {seed + number}: {problem}")
    return wrong


async def main(requests: int, seed: int) -> int:
    """Serve two courses from a database of its own, and send."""
    with (
        tempfile.TemporaryDirectory(prefix="courselens-") as folder,
        EmbeddedPostgres(Path(folder) / "pg") as server,
    ):
        async with serve(server.url, [big_course(), small_course()], limits=LIMITS) as served:
            wrong = await run(served, seed=seed, requests=requests)
    for line in wrong:
        print(line)
    print(f"{requests} requests from seed {seed}: {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    asked = parser.parse_args()
    raise SystemExit(asyncio.run(main(asked.requests, asked.seed)))
