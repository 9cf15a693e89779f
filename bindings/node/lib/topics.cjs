'use strict';
// Topics that somebody waits for: the versions that were seen last, and how a wait goes on from
// them.
const native = require('./native.cjs');
const { translate } = require('./errors.cjs');

// A wait is cut into such, between which the end of the store is heard.
const SLICE_US = 1_000_000;

/** What Store.watch() answers. One next() at a time. */
class Watch {
  #pool;
  #topics;
  #versions;

  constructor(pool, topics) {
    this.#pool = pool;
    this.#topics = topics.map(([owner, topic]) => [owner, topic]);
    this.#versions = topics.map(() => 0n);
  }

  /**
   * Wait until topics change, and answer which; none when the time is over. The first wait answers
   * all at once: look at what is there, then wait again.
   */
  async next(timeoutUs) {
    const until = timeoutUs === undefined ? Infinity
      : performance.now() + Number(timeoutUs) / 1000;
    for (;;) {
      const leftUs = Math.max(0, Math.floor((until - performance.now()) * 1000));
      const changed = this.#take(await this.#ask(Math.min(SLICE_US, leftUs)));
      if (changed.length > 0 || leftUs < SLICE_US) return changed;
    }
  }

  async #ask(timeoutUs) {
    const items = this.#topics.map(([owner, topic], i) => (
      { owner, topic, seen: this.#versions[i] }));
    try {
      return await native.waitAsync(this.#pool, items, timeoutUs);
    } catch (error) {
      throw translate(error);
    }
  }

  #take(versions) {
    const changed = this.#topics.filter((_, i) => versions[i] !== this.#versions[i]);
    this.#versions = versions;
    return changed;
  }
}

module.exports = { Watch };
