"""What health() says of a store that died after it was opened."""
import asyncio
import re
import socket
import threading
from contextlib import suppress

import pytest

import farmcore as fc
from conftest import STORES, Site


class Relay:
    """A server that passes everything on to another one, until it is killed."""

    def __init__(self, port):
        self._port = port
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self._sockets[0].accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=ends, daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)

    def kill(self):
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


@pytest.fixture(params=STORES[1:])
def mortal(request, tmp_path):
    """The URI of a store, its backend, and what makes it unreachable."""
    folder = tmp_path / "shop"
    folder.mkdir()
    site = Site(request.param, folder)
    site.open().close()
    if not site.is_postgres:
        yield site.uri, "sqlite", lambda: folder.rename(tmp_path / "gone")
        return
    relay = Relay(int(re.search(r":(\d+)/", site.uri)[1]))
    address = f"postgres://farm_app:hush@127.0.0.1:{relay.port}/"
    yield re.sub("^postgresql://[^/]+/", address, site.uri), "postgresql", relay.kill
    site.remove()


def check(health, backend):
    assert health.pop("latency_ms") >= 0
    assert "hush" not in health["error"] and len(health.pop("error")) > 0
    assert health == {"ok": False, "version": fc.__version__, "backend": backend, "schema": 0,
                      "status": "FARM_EUNAVAILABLE"}


def test_a_store_that_died_is_not_ok(mortal):
    uri, backend, kill = mortal
    with fc.Store(uri) as store:
        held = store.transaction()
        held.__enter__()
        kill()

        check(store.health(), backend)
        with pytest.raises(fc.UnavailableError):
            store.now_us()


def test_a_store_that_died_is_not_ok_for_asyncio(mortal):
    uri, backend, kill = mortal

    async def main():
        async with fc.aio.Store(uri) as store:
            held = store.transaction()
            await held.__aenter__()
            kill()
            return await store.health()

    check(asyncio.run(main()), backend)


def test_a_store_whose_sessions_are_all_in_use_is_not_ok():
    with fc.Store("sqlite::memory:", sessions=1) as store:
        store.migrate()
        with store.transaction() as tx:
            answer = store.within(0.001).health()
            assert tx.health()["ok"] is True

    assert (answer["ok"], answer["status"]) == (False, "FARM_EAGAIN")


def test_a_wrong_call_is_an_error_and_no_answer(local):
    with pytest.raises(fc.InvalidError):
        local.acting("").health()
    with pytest.raises(TypeError):
        local.health("long")
