"""People who ask for pages, and a workload that answers them; each in a process of its own.

`load.py serve ADDRESS` is the workload: it prints its port. `load.py ask` reads orders from its standard input, one
JSON a line, and answers each with a line: see `ask`. It knows nothing of the platform but how people sign in.
"""

import asyncio
import json
import random
import socket
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

Row = tuple[float, float, int]
"""When it was asked, how long it took to the last byte of the answer, and the status; 0 where there was no answer."""
_GIVE_UP_SECONDS = 60


class FrontDoor(AbstractResolver):
    """Finds every host at one port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = {"hostname": host, "host": "127.0.0.1", "port": self._port, "proto": 0}
        return [ResolveResult(**found, family=socket.AF_INET, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        pass


class Session:
    """Somebody with a connection and cookies of her own."""

    def __init__(self, name: str, front_door: FrontDoor, trust: ssl.SSLContext) -> None:
        self.name = name
        connector = aiohttp.TCPConnector(limit=1, resolver=front_door, ssl=trust, keepalive_timeout=600)
        self.client = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=_GIVE_UP_SECONDS), raise_for_status=False
        )

    async def ask(self, url: str) -> Row:
        when, begun = time.time(), time.perf_counter()
        status, _ = await self._get(url)
        return when, time.perf_counter() - begun, status

    async def sign_in(self, url: str) -> Row:
        """As a browser does, until the page is there."""
        when, begun = time.time(), time.perf_counter()
        status, location = await self._get(url)
        if status == 302:
            _, back = await self._get(f"{location}&login_hint={self.name}")
            _, wanted = await self._get(back)
            status, _ = await self._get(wanted)
        return when, time.perf_counter() - begun, status

    async def _get(self, url: str) -> tuple[int, str]:
        try:
            async with self.client.get(url, allow_redirects=False) as answer:
                await answer.read()
                return answer.status, answer.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError):
            return 0, ""


class Crowd:
    """Everybody."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []

    async def come(self, sessions: int, port: int, certificate: str) -> list[Row]:
        """They are there, and have asked for nothing yet."""
        trust, front_door = ssl.create_default_context(cafile=certificate), FrontDoor(port)
        self.sessions = [Session(f"person-{number}", front_door, trust) for number in range(sessions)]
        return []

    async def sign_in(self, url: str) -> list[Row]:
        """All at once, as fast as they get through."""
        return await asyncio.gather(*(session.sign_in(url) for session in self.sessions))

    async def ask(self, url: str, seconds: float, pause_seconds: float) -> list[Row]:
        """As people do: everybody pauses for half to one and a half of that time between pages."""
        end = time.monotonic() + seconds

        async def one(session: Session) -> list[Row]:
            rows: list[Row] = []
            await asyncio.sleep(random.uniform(0, pause_seconds))
            while time.monotonic() < end:
                rows.append(await session.ask(url))
                await asyncio.sleep(random.uniform(0.5, 1.5) * pause_seconds)
            return rows

        return [row for rows in await asyncio.gather(*map(one, self.sessions)) for row in rows]

    async def ask_at_once(self, url: str, times: int, pause_seconds: float) -> list[Row]:
        """Everybody in the same moment."""
        rows: list[Row] = []
        for _ in range(times):
            rows += await asyncio.gather(*(session.ask(url) for session in self.sessions))
            await asyncio.sleep(pause_seconds)
        return rows

    async def leave(self) -> list[Row]:
        await asyncio.gather(*(session.client.close() for session in self.sessions))
        return []


def ask() -> None:
    """Obeys until its input ends."""
    crowd = Crowd()
    orders: Mapping[str, Callable[..., Awaitable[list[Row]]]] = {
        order.__name__: order for order in (crowd.come, crowd.sign_in, crowd.ask, crowd.ask_at_once, crowd.leave)
    }
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            order: dict[str, Any] = json.loads(line)
            rows = orders[order.pop("do")](**order)
            print(json.dumps(runner.run(_awaited(rows))), flush=True)


async def _awaited(rows: Awaitable[list[Row]]) -> list[Row]:
    return await rows


def serve(address: str) -> None:
    """Answers everything with a small page."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="x" * 1000)

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", page)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, address, 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)  # until whoever started it is gone
        await runner.cleanup()

    asyncio.run(run())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        ask()
