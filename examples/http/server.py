"""A small HTTP server that takes from rate limits before it does anything, on aiohttp.

    python3 server.py sqlite:shop.db        or postgresql://user@host/database

It prints the port that it listens on. `/` greets, `/report` stands for what is dear, and
`/health` is for a load balancer. Who asks too often gets 429 and is told when to come back. When
the limits cannot be asked nobody gets through, with 503. server.c and server.mjs beside it do the
same.
"""
import asyncio
import logging
import signal
import sys

import farmcore as fc
from aiohttp import web

HOUR = 3600
LIMITS = [
    # An IPv6 address counts by its /64, which is what one customer gets.
    fc.Limit("address", scope=fc.RateScope.ADDRESS, ipv6_prefix=64, count=100, period=HOUR),
    fc.Limit("user", scope=fc.RateScope.USER, count=20, period=HOUR),
    fc.Limit("reports", scope=fc.RateScope.USER, count=3,
             algorithm=fc.RateAlgorithm.WINDOW, calendar=fc.RateCalendar.DAY),
]


def problem(body, status, headers):
    return web.json_response(body, status=status, headers=headers,
                             content_type="application/problem+json")


def requests_of(request):
    """What a request takes from.

    The address is the one at the other end of the connection, which nobody can forge.
    X-Forwarded-For is not looked at: anyone can send it, and who believed it would let each request
    choose whose limit it takes from, its own anew or somebody else's. Behind a proxy of your own,
    take the one entry that this proxy has added, the last, and only from connections that are the
    proxy's.

    The user's header stands for your authentication: never believe a client about who he is.
    """
    address = request.transport.get_extra_info("peername")[0]
    user = request.headers.get("X-Demo-User")
    items = [("address", address)]
    if user is not None:
        items.append(("user", user))
        if request.match_info.route.name == "report":  # the path may be spelt in other ways
            items.append(("reports", user))
    return items


def limiter(store):
    """The middleware, before every route."""
    @web.middleware
    async def limit(request, handler):
        # No limit stands before this one: a load balancer that is refused takes the server out.
        if request.match_info.route.name == "health":
            return await handler(request)
        try:
            # All or none, in one round trip: who is over one limit does not use up the others.
            decision = await store.rate.take(*requests_of(request))
        except fc.InvalidError:
            return web.Response(status=400, text="no such user\n")
        except fc.FarmError as error:
            # These limits are closed. One that should rather let everybody through when the store
            # does not answer is defined with on_error.
            logging.warning("no answer of the store: %s", error)
            return problem({"type": "about:blank", "title": "Service Unavailable", "status": 503},
                           503, {"Retry-After": "1"})
        if not decision:
            return problem(decision.problem, 429, decision.headers)
        try:
            response = await handler(request)
        except web.HTTPException as answer:  # such as 404
            answer.headers.update(decision.headers)
            raise
        response.headers.update(decision.headers)
        return response
    return limit


def application(store):
    async def hello(_request):
        return web.Response(text="hello\n")

    async def report(_request):
        return web.Response(text="a report\n")

    async def health(_request):
        found = await store.health()
        return web.json_response(found, status=200 if found["ok"] else 503)

    app = web.Application(middlewares=[limiter(store)])
    app.add_routes([web.get("/", hello), web.get("/report", report, name="report"),
                    web.get("/health", health, name="health")])
    return app


async def serve(uri):
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # A request does not wait longer than that for the store.
    async with fc.aio.Store(uri, timeout=5) as store:
        # A server that has tables and limits already changes nothing. Where the application is not
        # the owner of its tables, a step of the deployment does this: docs/backends.md.
        setup = store.service.within(60)
        await setup.migrate()
        await setup.rate.define(LIMITS)

        runner = web.AppRunner(application(store))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
        await runner.cleanup()  # answers what is in flight


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("server.py URI")
    asyncio.run(serve(sys.argv[1]))
