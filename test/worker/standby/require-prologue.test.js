import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirePrologue } from '../../../dist/worker/standby/require-prologue.js';

const TYPESCRIPT_HELPERS = `var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __importStar = (this && this.__importStar) || (function () {
    var ownKeys = function(o) { return Object.getOwnPropertyNames(o); };
    return function (mod) { return ownKeys(mod), mod; };
})();
var __exportStar = (this && this.__exportStar) || function(m, exports) {
    for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
};
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};`;

/** What is required, in order; after `|` what comes when the file has looked at something. */
const CASES = {
  nothing: ['', ''],
  'a directive': [`'use strict';\nrequire('a');`, 'a'],
  'a hashbang': [`#!/usr/bin/env node\nrequire('a');`, 'a'],
  'a byte order mark': [`\uFEFFrequire('a');`, 'a'],
  comments: [`// require('x')\n/* require('y') **/ require(/* it */ 'a'); // end\nrequire("b") /* last */`, 'a b'],
  'a comment that looks as if it went on': [`const a = // require('a');\n  make();\nrequire('b');`, ''],
  'several declarations': [`const a = require('a');\nlet b = require("b")\nvar c = require('c');`, 'a b c'],
  'several declarators': [`const a = require('a'), b = require('b'),\n  c = require('c');`, 'a b c'],
  'a declaration without a value': [`var x; let y, z;\nrequire('a');`, 'a'],
  'a property': [`const { x, y: { z }, ...rest } = require('a'); const b = require('b');`, 'a | b'],
  'an array': [`const [x, , y] = require('a'); const b = require('b');`, 'a | b'],
  'properties read at once': [
    `const R = require('a').Router.x['y'];\nconst d = require('b')["default"];\nrequire('c')`,
    'a | b c',
  ],
  'a property of what was required': [`const a = require('a'); const { x } = a; require('b');`, 'a | b'],
  'a variable of the environment': [`const port = process.env.PORT; require('b');`, '| b'],
  'a plain value': [`const port = 3000, name = 'x', on = true, table = {}; require('a');`, 'a'],
  'a computed value': [`const port = 3000 + offset(); require('a');`, ''],
  'a default': [`const { x = make() } = require('a'); require('b');`, 'a'],
  'a computed name': [`const { [name()]: x } = require('a'); require('b');`, 'a'],
  'a call of a method': [`require('a').config(); require('b');`, 'a'],
  'a call of a method, on a line of its own': [`require('a')\n  .config()\nrequire('b')`, 'a'],
  'a call': [`const a = require('a')('app'); const b = require('b');`, 'a'],
  'a call after a line break': [`const a = require('a')\n(function () {})();\nrequire('b')`, 'a'],
  'a template after a line break': ["const a = require('a')\n`text`;\nrequire('b')", 'a'],
  'an instance': [`const a = new (require('a'))(); require('b');`, 'a'],
  'an instance of a property': [`const a = new (require('a').A)(); require('b');`, 'a'],
  parentheses: [`(require('a')).run(); require('b');`, 'a'],
  'a condition': [`const a = require('a') || make(); require('b');`, 'a'],
  'a sum after a line break': [`const a = require('a')\n+ make()\nrequire('b')`, 'a'],
  'an assertion of a type': [`const a = require('a') as A; require('b');`, 'a'],
  'an argument': [`use(require('a')); require('b');`, ''],
  'a name that is not literal': [`require('a'); require(name); require('b');`, 'a'],
  'a template': ["require('a'); require(`b`); require('c');", 'a'],
  'an escape': [`require('a'); require('\\x62'); require('c');`, 'a'],
  'another function of require': [`require.resolve('a'); require('b');`, ''],
  'a require of its own': [`const require = make(); require('a');`, ''],
  'a require of its own, in a pattern': [`const { require } = x; require('a');`, ''],
  'a function named require': [`function require() {} require('a');`, ''],
  'a try': [`require('a'); try { require('b'); } catch {}`, 'a'],
  'an if': [`require('a'); if (x) require('b');`, 'a'],
  'a return': [`require('a'); return\nrequire('b');`, 'a'],
  'an assignment to the environment': [`require('a'); process.env.X = '1'; require('b');`, 'a'],
  'an assignment to the environment between declarators': [
    `const a = require('a'), x = process.env.X = '1', b = require('b');`,
    'a |',
  ],
  'a function in between': [
    `const a = require('a');\nasync function run({ x } = {}) { if (x) { a('}'); } }\nfunction* more() {}\nrequire('b');`,
    'a b',
  ],
  'a function with a regular expression': [`require('a'); function f() { return /}/; } require('b');`, 'a'],
  'a class': [`require('a'); class A { static x = run(); } require('b');`, 'a'],
  'a function expression': [`require('a'); const f = () => {}; require('b');`, 'a'],
  'an HTML comment': [`require('a'); function f() { <!-- }\n} require('b');`, 'a'],
  'exports that are required': [
    `exports.a = require('a');\nmodule.exports.b = exports.c = require('b');\nmodule.exports = require('c').d`,
    'a b c',
  ],
  'exports that are made': [`exports.a = require('a'); exports.b = make(); require('b');`, 'a'],
  'an export of a function': [`exports.f = f; require('a'); function f() {}`, 'a'],
  'an export of something that may be a global': [`exports.fetch = fetch; require('a');`, '| a'],
  'an unfinished source': [`const a = require('a'), { b`, 'a'],
  'what TypeScript emits': [
    `"use strict";
${TYPESCRIPT_HELPERS}
Object.defineProperty(exports, "__esModule", { value: true });
exports.q = exports.K = exports.b = void 0;
exports.foo = foo;
require("reflect-metadata");
const dotenv_1 = __importDefault(require("dotenv"));
const http = __importStar(require("node:http"));
__exportStar(require("./again"), exports);
var b_1 = require("./b");
Object.defineProperty(exports, "b", { enumerable: true, get: function () { return b_1.b; } });
const last = require("last");
function foo() { return (0, b_1.b)(); }
class K {
}
exports.K = K;
require("late");`,
    'reflect-metadata dotenv node:http | ./again ./b last',
  ],
  'what TypeScript emits with importHelpers': [
    `"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.default = default_1;
const tslib_1 = require("tslib");
const a_1 = tslib_1.__importDefault(require("a"));
const b_1 = (0, tslib_1.__importDefault)(require("b"));
tslib_1.__exportStar(require("./c"), exports);
const d = tslib_1.__importStar(require("d"));
function default_1() { }
start();`,
    'tslib a b ./c | d',
  ],
  'what Babel emits': [
    `"use strict";

Object.defineProperty(exports, "__esModule", {
  value: true
});
var _exportNames = {
  foo: true,
  b: true
};
Object.defineProperty(exports, "b", {
  enumerable: true,
  get: function () {
    return _b.b;
  }
});
exports.default = void 0;
exports.foo = foo;
require("reflect-metadata");
var _dotenv = _interopRequireDefault(require("dotenv"));
var http = _interopRequireWildcard(require("node:http"));
var _b = require("./b");
function _interopRequireDefault(e) { return e && e.__esModule ? e : { default: e }; }
function _interopRequireWildcard(e, t) { if ("function" == typeof WeakMap) var r = new WeakMap(), n = new WeakMap(); return e; }
var _c = require("c");
Object.keys(_c).forEach(function (key) { exports[key] = _c[key]; });
require("late");
function foo() {}`,
    'reflect-metadata dotenv node:http | ./b c',
  ],
  'what Babel emits with its runtime': [
    `"use strict";
var _interopRequireDefault = require("@babel/runtime/helpers/interopRequireDefault").default;
var _a = _interopRequireDefault(require("a"));`,
    '@babel/runtime/helpers/interopRequireDefault | a',
  ],
  'what esbuild emits': [
    `"use strict";
var __create = Object.create;
var __defProp = Object.defineProperty;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __toESM = (mod, isNodeMode, target) => (target = mod != null ? __create(__getProtoOf(mod)) : {}, __copyProps(
  // If the importer is in node compatibility mode or this isn't an ESM
  isNodeMode || !mod || !mod.__esModule ? __defProp(target, "default", { value: mod, enumerable: true }) : target,
  mod
));
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);
var in_exports = {};
__export(in_exports, {
  K: () => K,
  b: () => import_b.b
});
module.exports = __toCommonJS(in_exports);
var import_a = require("a");
var import_express = __toESM(require("express"));
var http = __toESM(require("node:http"), 1);
__reExport(in_exports, require("./again"), module.exports);
var import_b = require("./b");
class K {
}
require("late");`,
    'a express node:http ./again ./b',
  ],
  'what swc emits': [
    `"use strict";
Object.defineProperty(exports, "__esModule", {
    value: true
});
function _export(target, all) {
    for(var name in all)Object.defineProperty(target, name, {
        enumerable: true,
        get: Object.getOwnPropertyDescriptor(all, name).get
    });
}
_export(exports, {
    get K () {
        return K;
    },
    b: function() {
        return _b.b;
    }
});
require("reflect-metadata");
const _dotenv = /*#__PURE__*/ _interop_require_default(require("dotenv"));
const _nodehttp = /*#__PURE__*/ _interop_require_wildcard(require("node:http"));
_export_star(require("./again"), exports);
const _b = require("./b");
function _interop_require_default(obj) {
    return obj && obj.__esModule ? obj : {
        default: obj
    };
}
class K {
}
require("late");`,
    'reflect-metadata dotenv node:http | ./again ./b',
  ],
  'what swc emits with its helpers': [
    `"use strict";
const _interop_require_default = require("@swc/helpers/_/_interop_require_default");
const _a = /*#__PURE__*/ _interop_require_default._(require("a"));
run();`,
    '@swc/helpers/_/_interop_require_default a',
  ],
  'an export that runs something': [`Object.defineProperty(exports, "a", { value: make() }); require("a");`, ''],
  'import declarations': [
    `import 'a';
import b, { c as d, type E } from 'b';
import * as f from "f"
import type { G } from 'g';
import type from 'h';
export * from 'i';
export { j } from 'j';
import k = require('k');
export const l = run();
import 'late';`,
    'a b f h i j k',
  ],
  'an import()': [`import('a'); require('b');`, ''],
  'import.meta': [`import 'a'; import.meta.resolve('b'); import 'c';`, 'a'],
};

for (const [what, [source, expected]] of Object.entries(CASES)) {
  test(`the prologue of a CommonJS file: ${what}`, () => {
    const requires = requirePrologue(source);
    const [before, after = ''] = expected.split('|').map((list) => list.trim().split(' ').filter(Boolean));
    assert.deepEqual(requires, [
      ...before.map((specifier) => ({ specifier, hasLooked: false })),
      ...[...after].map((specifier) => ({ specifier, hasLooked: true })),
    ]);
  });
}
