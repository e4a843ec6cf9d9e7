/** What the language itself has, and what libraries without any access need. */
const KEPT = new Set([
  ...[
    'Object',
    'Function',
    'Array',
    'Number',
    'Boolean',
    'String',
    'Symbol',
    'BigInt',
    'Math',
    'JSON',
    'Date',
  ],
  ...['RegExp', 'Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError'],
  ...['TypeError', 'URIError', 'Promise', 'Proxy', 'Reflect', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef'],
  ...['FinalizationRegistry', 'ArrayBuffer', 'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...[
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float16Array',
    'Float32Array',
    'Float64Array',
  ],
  ...['BigInt64Array', 'BigUint64Array', 'Iterator', 'Intl', 'Infinity', 'NaN', 'undefined', 'globalThis'],
  ...['isNaN', 'isFinite', 'parseInt', 'parseFloat', 'encodeURI', 'encodeURIComponent', 'decodeURI'],
  ...['decodeURIComponent', 'escape', 'unescape', 'global', 'Buffer', 'TextEncoder', 'TextDecoder'],
  ...['performance', 'setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout', 'queueMicrotask'],
  ...[
    'URL',
    'URLSearchParams',
    'atob',
    'btoa',
    'console',
    'AbortController',
    'AbortSignal',
    'Event',
    'EventTarget',
  ],
]);

/**
 * Takes away whatever reaches out of the process. No expression can name a global; should a fault in a library ever let
 * one through, it finds nothing.
 */
export function hideGlobals(): void {
  const { nextTick, version, versions, platform } = process;
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!KEPT.has(name)) Reflect.deleteProperty(globalThis, name);
  }
  const harmless = {
    env: {},
    argv: [],
    nextTick,
    version,
    versions,
    platform,
    emitWarning() {},
    cwd: () => '/',
  };
  Object.defineProperty(globalThis, 'process', { value: Object.freeze(harmless) });
}
