'use strict';
// Personal data and secrets taken out of texts and JSON: nothing is asked of a store.
const { RedactAction } = require('./enums.cjs');
const { call } = require('./errors.cjs');

const ROOM = 64;
const NO_KEY = Buffer.alloc(32);

/** How large it will be is known once it was done: then it is done again. */
function whole(name, data, { rules = 0, action = RedactAction.REPLACE, safeFields = null,
  key = NO_KEY } = {}) {
  const options = { rules, action, safeFields, key };
  const given = Buffer.from(data);
  let found = call(name, options, given, 2 * given.length + ROOM);
  if (found.size > BigInt(found.bytes.length)) {
    found = call(name, options, given, found.size);
  }
  return found.bytes.toString();
}

module.exports = {
  text: (data, options) => whole('redact_text', data, options),
  json: (data, options) => whole('redact_json', data, options),
};
