'use strict';
// Amounts of money, as whole numbers of the smallest unit: nothing is asked of a store.
const { call } = require('./errors.cjs');

module.exports = {
  parse: (text, scale) => call('money_from_text', text, scale),
  text: (amountMinor, scale) => call('money_to_text', amountMinor, scale),
  split: (amountMinor, weights) => call('money_split', amountMinor, weights),
  scaleOf(currency) {
    const scale = call('money_scale', currency);
    return scale < 0 ? null : scale;
  },
};
