// A small HTTP server that takes from rate limits before it does anything, on Express:
//
//     node server.mjs sqlite:shop.db        or postgresql://user@host/database
//
// It prints the port that it listens on. `/` greets, `/report` stands for what is dear, and
// `/health` is for a load balancer. Who asks too often gets 429 and is told when to come back. When
// the limits cannot be asked nobody gets through, with 503. server.c and server.py beside it do the
// same.
import express from 'express';
import { FarmError, RateAlgorithm, RateCalendar, RateScope, Store } from 'farmcore';

const HOUR_US = 3_600_000_000;
const LIMITS = [
  // An IPv6 address counts by its /64, which is what one customer gets.
  { name: 'address', scope: RateScope.ADDRESS, ipv6Prefix: 64, count: 100, periodUs: HOUR_US },
  { name: 'user', scope: RateScope.USER, count: 20, periodUs: HOUR_US },
  { name: 'reports', scope: RateScope.USER, count: 3,
    algorithm: RateAlgorithm.WINDOW, calendar: RateCalendar.DAY },
];
const UNAVAILABLE = { type: 'about:blank', title: 'Service Unavailable', status: 503 };

function problem(response, status, body) {
  response.status(status).type('application/problem+json').send(JSON.stringify(body));
}

/**
 * What a request takes from.
 *
 * The address is the one at the other end of the connection, which nobody can forge.
 * X-Forwarded-For is not looked at: anyone can send it, and who believed it would let each request
 * choose whose limit it takes from, its own anew or somebody else's. Behind a proxy of your own,
 * set Express's `trust proxy` to that proxy's address, never to true, and take `request.ip`.
 *
 * The user's header stands for your authentication: never believe a client about who he is.
 */
function requestsOf(request, userLimits) {
  const user = request.get('X-Demo-User');
  const address = { limit: 'address', subject: request.socket.remoteAddress };
  return [address, ...(user === undefined ? []
    : userLimits.map((limit) => ({ limit, subject: user })))];
}

/** The middleware of a route: it takes from the address's limit and from the user's, if there is a
 * user. The route says from which, since Express lets a path be spelt in several ways. */
function limited(store, ...userLimits) {
  return async (request, response, next) => {
    try {
      // All or none, in one round trip: who is over one limit does not use up the others.
      const decision = await store.rate.take(requestsOf(request, userLimits));
      response.set(decision.headers);
      if (decision.allowed) next();
      else problem(response, 429, decision.problem);
    } catch (error) {
      if (!(error instanceof FarmError)) {
        next(error);
      } else if (error.code === 'FARM_EINVAL') {
        response.status(400).type('text/plain').send('no such user\n');
      } else {
        // These limits are closed. One that should rather let everybody through when the store does
        // not answer is defined with onError.
        console.warn(`no answer of the store: ${error.message}`);
        problem(response.set('Retry-After', '1'), 503, UNAVAILABLE);
      }
    }
  };
}

function application(store) {
  const app = express();
  app.get('/', limited(store, 'user'), (request, response) => {
    response.type('text/plain').send('hello\n');
  });
  app.get('/report', limited(store, 'user', 'reports'), (request, response) => {
    response.type('text/plain').send('a report\n');
  });
  // No limit stands before this one: a load balancer that is refused takes the server out.
  app.get('/health', async (request, response, next) => {
    try {
      const found = await store.health();
      response.status(found.ok ? 200 : 503).json(found);
    } catch (error) {
      next(error);
    }
  });
  app.use(limited(store, 'user')); // what is not found costs, too
  return app;
}

async function serve(uri) {
  // A request does not wait longer than that for the store.
  const store = await Store.open(uri, { timeoutUs: 5_000_000 });
  // A server that has tables and limits already changes nothing. Where the application is not the
  // owner of its tables, a step of the deployment does this: docs/backends.md.
  const setup = store.service.within(60_000_000);
  await setup.migrate();
  await setup.rate.define(LIMITS);

  const server = application(store).listen(0, '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
  // What is in flight is answered; then nothing is left that would keep the process.
  const stop = () => server.close(() => store.close());
  server.on('request', (request, response) => {
    response.on('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

if (process.argv.length !== 3) {
  console.error('server.mjs URI');
  process.exit(2);
}
await serve(process.argv[2]);
