"""The same tests on every store: SQLite in memory and in a file, Postgres where one is given."""
import os
import re
import uuid

import pytest

import farmcore as fc

APP = os.environ.get("FARM_TEST_POSTGRES")
OWNER = os.environ.get("FARM_TEST_POSTGRES_OWNER")
STORES = ["memory", "file"] + (["postgres"] if APP and OWNER else [])
NOW_US = 1_800_000_000_000_000
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
HOST_TABLE = "create table {t} (id bigint primary key, item text, data bytea)"


class Site:
    """Where a store is, and how its SQL differs."""

    def __init__(self, kind, folder):
        self.is_postgres = kind == "postgres"
        self.table = "host"
        self.uri = "sqlite::memory:" if kind == "memory" else f"sqlite:{folder / 'shop.db'}"
        if self.is_postgres:
            self.schema = f"bind_{uuid.uuid4().hex[:20]}"
            self.table = f"{self.schema}.host"
            self.uri = self._with(APP, f"schema={self.schema}")
            self._prepare()

    @staticmethod
    def _with(uri, settings):
        return uri + ("&" if "?" in uri else "?") + settings

    def _prepare(self):
        with fc.Store(self._with(OWNER, f"schema={self.schema}&grant_to=farm_app")) as owner:
            owner.migrate()
            owner.execute(self.sql(HOST_TABLE))
            owner.execute(self.sql("grant all on {t} to farm_app"))

    @property
    def endless(self):
        """A statement that does not end by itself."""
        return "select pg_sleep(100000)" if self.is_postgres else ENDLESS

    def sql(self, text):
        """A statement in the words of this store: {t} is the host's table."""
        text = text.replace("{t}", self.table)
        return re.sub(r"\?(\d)", r"$\1", text) if self.is_postgres else text

    def open(self, **options):
        store = fc.Store(self.uri, **options)
        if not self.is_postgres:
            store.migrate()
            store.execute(self.sql(HOST_TABLE.replace("table", "table if not exists")))
        return store

    def remove(self):
        if self.is_postgres:
            with fc.Store(self._with(OWNER, f"schema={self.schema}")) as owner:
                owner.execute(f"drop schema {self.schema} cascade")


@pytest.fixture(params=STORES)
def site(request, tmp_path):
    made = Site(request.param, tmp_path)
    yield made
    made.remove()


@pytest.fixture
def store(site):
    with site.open() as opened:
        yield opened


@pytest.fixture
def local(tmp_path):
    """A SQLite file, for what does not depend on the store."""
    with Site("file", tmp_path).open() as opened:
        yield opened


@pytest.fixture
def limited(store):
    """A store with limits: two calls a minute for a user, eight for an address, one for all."""
    store.service.rate.define([
        fc.Limit("user", count=2, period=60, scope=fc.RateScope.USER),
        fc.Limit("ip", count=8, period=60, scope=fc.RateScope.ADDRESS),
        fc.Limit("all", count=100, period=1, scope=fc.RateScope.GLOBAL)])
    store.freeze_clock(NOW_US)
    return store
