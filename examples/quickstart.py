import farmcore as fc


def place_order(store, key, order):
    """The work and its key commit together; a repeated request is given the same answer."""
    with store.transaction(actor="u42") as tx:
        claim = tx.idempotency.begin("u42", key, "POST /orders", order)
        if claim.outcome is fc.Outcome.EXECUTE:
            tx.execute("insert into orders (item) values (?1)", [order.decode()])
            claim.finish(201, b"order of " + order)
            return 201, b"order of " + order
        return claim.code, claim.data


with fc.Store("sqlite::memory:") as store:
    store.migrate()
    store.execute("create table orders (id integer primary key, item text)")
    store.service.rate.define([fc.Limit("user", count=120, period=60)])

    verdict = store.rate.take(("user", "u42"))
    print("allowed" if verdict else f"wait {verdict.retry_after} s", verdict.headers)

    print(place_order(store, "key-1", b"3 apples"))
    print(place_order(store, "key-1", b"3 apples"))
    print(store.execute("select count(*) from orders"))
