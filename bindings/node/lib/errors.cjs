'use strict';
// What a call throws, or rejects with: the addon's errors as a class.
const native = require('./native.cjs');

/** A call that failed. Test `code` or `reason`; the message is for people. */
class FarmError extends Error {
  constructor(message, { code, status, reason, retryable }, options) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.reason = reason;
    this.retryable = retryable;
  }
}
Object.defineProperty(FarmError.prototype, 'name', { value: 'FarmError' });

/** The addon's error as ours; of what is no error of the library (a TypeError), itself. */
function translate(error) {
  return typeof error?.status === 'number' && !(error instanceof FarmError)
    ? new FarmError(error.message, error) : error;
}

/** Call the addon; its errors become ours. */
function call(name, ...args) {
  try {
    return native[name](...args);
  } catch (error) {
    throw translate(error);
  }
}

function make(status, message) {
  const retryable = native.status_is_retryable(status) === 1;
  return new FarmError(message, { code: native.status_name(status), status, reason: 0, retryable });
}

module.exports = { FarmError, call, translate, make };
