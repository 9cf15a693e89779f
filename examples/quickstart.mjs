import { Outcome, Store } from 'farmcore';

/** The work and its key commit together; a repeated request is given the same answer. */
function placeOrder(store, key, order) {
  return store.transaction(async (tx) => {
    const claim = await tx.idempotency.begin('u42', key, 'POST /orders', Buffer.from(order));
    if (claim.outcome !== Outcome.EXECUTE) return [claim.code, claim.data.toString()];
    await tx.execute('insert into orders (item) values (?1)', [order]);
    await claim.finish(201, Buffer.from(`order of ${order}`));
    return [201, `order of ${order}`];
  }, { actor: 'u42' });
}

const store = await Store.open('sqlite::memory:');
await store.migrate();
await store.execute('create table orders (id integer primary key, item text)');
await store.service.rate.define([{ name: 'user', count: 120, periodUs: 60_000_000 }]);

const verdict = await store.rate.take([{ limit: 'user', subject: 'u42' }]);
console.log(verdict.allowed ? 'allowed' : `wait ${verdict.retryAfterMs} ms`, verdict.headers);

console.log(await placeOrder(store, 'key-1', '3 apples'));
console.log(await placeOrder(store, 'key-1', '3 apples'));
console.log(await store.execute('select count(*) from orders'));
await store.close();
