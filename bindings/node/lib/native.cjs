'use strict';
// The generated addon: where the build put it, or beside this file in a package.
module.exports = require(process.env.FARM_NATIVE || './native.node');
