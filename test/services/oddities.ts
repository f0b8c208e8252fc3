/** What a service should not do, and the reason for which its request then fails. */
import type { Service } from '../../src/services/service.ts'

/** Counts what it executed; a command that is one of `oddities` does that. */
export function oddService(oddities: Readonly<Record<string, (state: number) => unknown>>): Service {
  return {
    name: 'odd',
    initial: () => 0,
    parse: (json) => json,
    execute(state, command) {
      const odd = oddities[command as string]
      if (odd !== undefined) return odd(state as number) as ReturnType<Service['execute']>
      return { kind: 'executed', state: (state as number) + 1, result: (state as number) + 1 }
    },
    snapshot: (state) => [state as number],
    restore: ([state]) => Number(state),
  }
}

/** `result` in an answer that is right otherwise, and whose state must not become the state. */
export const giving = (result: () => unknown) => () => ({ kind: 'executed', state: 1_000, result: result() })
export const throwing = (thrown: () => unknown) => (): never => {
  throw thrown()
}

const rejected = () => Promise.reject(new Error('late'))

export function nested(depth: number, around: (inner: unknown) => unknown = (inner) => [inner]): unknown {
  let value: unknown = 'core'
  for (let level = 0; level < depth; level += 1) value = around(value)
  return value
}

export function cyclic(): unknown {
  const self: Record<string, unknown> = {}
  self.self = self
  return self
}

function shared(): unknown {
  let value: unknown = []
  for (let level = 0; level < 31; level += 1) value = [value, value, value, value]
  return value
}

function withMessage(message: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('hidden'), 'message', message)
}

class Account {
  readonly balance = 3
}

class Overdrawn extends Error {}
class OutOfRange extends RangeError {}

const notKept = 'the result cannot be kept: '
const tooLong = `${notKept}result takes more than 65536 bytes of JSON`
const tooDeep = `${notKept}result is nested more than 32 deep, or holds itself, at result`

/** What a service does, and the reason for which the request fails. */
export const oddities: readonly (readonly [
  name: string,
  does: (state: number) => unknown,
  reason: string,
])[] = [
  ['returns nothing', () => undefined, 'execute returned nothing: it must be an object'],
  ['returns null', () => null, 'execute returned null: it must be'],
  ['returns a number', () => 7, 'execute returned a number: it must be'],
  ['returns a string', () => 'executed', 'execute returned a string: it must be'],
  ['returns a function', () => () => 1, 'execute returned a function: it must be'],
  ['returns a symbol', () => Symbol('x'), 'execute returned a symbol: it must be'],
  ['returns a bigint', () => 1n, 'execute returned a bigint: it must be'],
  [
    'returns an array',
    () => [],
    'execute returned a kind that is nothing: it must be "executed" or "delayed"',
  ],
  [
    'returns a promise',
    async () => ({ kind: 'executed', state: 1, result: 1 }),
    'execute returned a promise',
  ],
  [
    'returns a promise that is rejected',
    () => Promise.reject(new Error('late')),
    'execute returned a promise',
  ],
  [
    'returns a thenable',
    () => ({ kind: 'executed', state: 1, result: 1, ['then' as string]: () => 1 }),
    'execute returned a promise',
  ],
  ['names no kind', () => ({ state: 1, result: 1 }), 'execute returned a kind that is nothing'],
  [
    'names an unknown kind',
    () => ({ kind: 'done', state: 1, result: 1 }),
    'execute returned the kind "done"',
  ],
  [
    'names a long kind',
    () => ({ kind: 'x'.repeat(1e6), state: 1 }),
    'execute returned a kind that is a string',
  ],
  [
    'names a kind that is an object',
    () => ({ kind: {}, state: 1 }),
    'execute returned a kind that is a object',
  ],
  ['names half a surrogate pair as kind', () => ({ kind: '\ud800', state: 1 }), 'a kind that is a string'],
  ['names no state', () => ({ kind: 'executed', result: 1 }), 'execute returned no state'],
  [
    'names an undefined state',
    () => ({ kind: 'executed', state: undefined, result: 1 }),
    'returned no state',
  ],
  ['delays without a state', () => ({ kind: 'delayed', key: 'k' }), 'execute returned no state'],
  [
    'gives a promise for the state',
    () => ({ kind: 'executed', state: Promise.resolve(1), result: 1 }),
    'a promise as the state',
  ],
  [
    'gives a rejected promise for the state',
    () => ({ kind: 'delayed', state: Promise.reject(1) }),
    'a promise as the state',
  ],
  [
    'has a kind that throws',
    () => Object.defineProperty({ state: 1 }, 'kind', { get: throwing(() => new Error('no kind')) }),
    'no kind',
  ],
  [
    'has a state that throws',
    () => ({
      kind: 'executed',
      get state() {
        throw new Error('no state today')
      },
    }),
    'no state today',
  ],
  ['is a revoked proxy', revoked, 'the service threw a TypeError'],

  ['gives undefined', giving(() => undefined), `${notKept}result is undefined, which JSON cannot carry`],
  [
    'gives no result',
    () => ({ kind: 'executed', state: 1_000 }),
    `${notKept}result is undefined, which JSON cannot carry`,
  ],
  ['gives a bigint', giving(() => 2n ** 64n), `${notKept}result is a BigInt, which JSON cannot carry`],
  [
    'gives a bigint within',
    giving(() => ({ a: [1n] })),
    `${notKept}result.a[0] is a BigInt, which JSON cannot carry`,
  ],
  ['gives a symbol', giving(() => Symbol.iterator), `${notKept}result is a symbol, which JSON cannot carry`],
  ['gives a function', giving(() => () => 1), `${notKept}result is a function, which JSON cannot carry`],
  ['gives NaN', giving(() => Number.NaN), `${notKept}result is NaN, which JSON cannot carry`],
  [
    'gives Infinity',
    giving(() => ({ n: Number.POSITIVE_INFINITY })),
    `${notKept}result.n is Infinity, which JSON cannot carry`,
  ],
  ['gives -0', giving(() => -0), `${notKept}result is -0, which JSON cannot carry`],
  ['gives -0 within', giving(() => [{ n: -0 }]), `${notKept}result[0].n is -0, which JSON cannot carry`],
  [
    'gives half of a surrogate pair',
    giving(() => '\ud83d'),
    `${notKept}result holds half of a surrogate pair`,
  ],
  ['gives the other half', giving(() => ['a\udd12']), `${notKept}result[0] holds half of a surrogate pair`],
  [
    'gives half of a pair as a key',
    giving(() => ({ '\ud83d': 1 })),
    `${notKept}result has a key that holds half of a surrogate pair`,
  ],
  [
    'gives the key __proto__',
    giving(() => JSON.parse('{"__proto__":1}')),
    `${notKept}result has a key that is __proto__`,
  ],
  [
    'gives a symbol as a key',
    giving(() => ({ [Symbol('s')]: 1 })),
    `${notKept}result has a key that is a symbol`,
  ],
  [
    'gives an undefined field',
    giving(() => ({ a: undefined })),
    `${notKept}result.a is undefined, which JSON cannot carry`,
  ],
  [
    'gives an array with a hole',
    giving(() => [1, undefined, 3]),
    `${notKept}result[1] is undefined, which JSON cannot carry`,
  ],
  ['gives an array of holes', giving(() => new Array(2 ** 32 - 1)), tooLong],
  [
    'gives a short array of holes',
    giving(() => new Array(5)),
    `${notKept}result[0] is undefined, which JSON cannot carry`,
  ],
  ['gives a Map', giving(() => new Map([['a', 1]])), `${notKept}result is a Map, which JSON cannot carry`],
  ['gives a Set', giving(() => new Set([1])), `${notKept}result is a Set, which JSON cannot carry`],
  ['gives a Date', giving(() => new Date(0)), `${notKept}result is a Date, which JSON cannot carry`],
  [
    'gives an invalid Date',
    giving(() => new Date(Number.NaN)),
    `${notKept}result is a Date, which JSON cannot carry`,
  ],
  ['gives a RegExp', giving(() => /x/), `${notKept}result is a RegExp, which JSON cannot carry`],
  [
    'gives an Error',
    giving(() => new TypeError('x')),
    `${notKept}result is an Error, which JSON cannot carry`,
  ],
  [
    'gives a Uint8Array',
    giving(() => new Uint8Array(3)),
    `${notKept}result is a Uint8Array, which JSON cannot carry`,
  ],
  [
    'gives a Buffer',
    giving(() => Buffer.from('x')),
    `${notKept}result is a Uint8Array, which JSON cannot carry`,
  ],
  [
    'gives an ArrayBuffer',
    giving(() => new ArrayBuffer(3)),
    `${notKept}result is an ArrayBuffer, which JSON cannot carry`,
  ],
  [
    'gives a WeakMap',
    giving(() => new WeakMap()),
    `${notKept}result is an object of a class, which JSON cannot carry`,
  ],
  [
    'gives a boxed number',
    giving(() => Object(1)),
    `${notKept}result is an object of a class, which JSON cannot carry`,
  ],
  [
    'gives an instance of a class',
    giving(() => new Account()),
    `${notKept}result is an object of a class, which JSON cannot carry`,
  ],
  [
    'gives one within',
    giving(() => [[new Account()]]),
    `${notKept}result[0][0] is an object of a class, which JSON cannot carry`,
  ],
  [
    'gives a promise',
    giving(() => Promise.resolve(1)),
    `${notKept}result is a Promise, which JSON cannot carry`,
  ],
  [
    'gives a rejected promise',
    giving(() => Promise.reject(new Error('late'))),
    `${notKept}result is a Promise, which JSON cannot carry`,
  ],
  [
    'gives a rejected promise behind another fault',
    giving(() => [Number.NaN, { p: Promise.reject(1) }]),
    `${notKept}result[0] is NaN, which JSON cannot carry`,
  ],
  [
    'gives a toJSON that throws',
    giving(() => ({ toJSON: throwing(() => new Error('no JSON')) })),
    `${notKept}result.toJSON is a function, which JSON cannot carry`,
  ],
  [
    'gives a toJSON that lies',
    giving(() => ({ a: 1, toJSON: () => 2n })),
    `${notKept}result.toJSON is a function, which JSON cannot carry`,
  ],
  ['gives 5 MB', giving(() => 'x'.repeat(5_000_000)), tooLong],
  ['gives 500 MB', giving(() => 'x'.repeat(500_000_000)), tooLong],
  ['gives 5 MB of numbers', giving(() => Array.from({ length: 2_500_000 }, () => 1)), tooLong],
  ['gives a long key', giving(() => ({ ['k'.repeat(70_000)]: 1 })), tooLong],
  ['gives characters of three bytes', giving(() => '€'.repeat(22_000)), tooLong],
  ['gives characters that are escaped', giving(() => '\u0001'.repeat(11_000)), tooLong],
  ['gives what is shared many times over', giving(shared), tooLong],
  ['gives what holds itself', giving(cyclic), tooDeep],
  [
    'gives an array that holds itself',
    giving(() => {
      const a: unknown[] = []
      a.push(a)
      return a
    }),
    tooDeep,
  ],
  ['gives depth 33', giving(() => nested(33)), tooDeep],
  ['gives depth 10,000', giving(() => nested(10_000)), tooDeep],
  ['gives depth 10,000 of objects', giving(() => nested(10_000, (inner) => ({ inner }))), tooDeep],
  [
    'gives a getter that throws',
    giving(() => ({
      get a() {
        throw new Error('not to be read')
      },
    })),
    'not to be read',
  ],
  [
    'gives a getter that throws no Error',
    giving(() => ({
      get a() {
        throw null
      },
    })),
    'the service threw a value that is not an Error',
  ],
  [
    'gives a proxy that throws',
    giving(() => new Proxy({}, { ownKeys: throwing(() => new Error('no keys')) })),
    'no keys',
  ],
  [
    'gives a proxy of an array without end',
    giving(
      () =>
        new Proxy([1], {
          get: (target, key) => (key === 'length' ? Number.POSITIVE_INFINITY : Reflect.get(target, key)),
        }),
    ),
    tooLong,
  ],
  [
    'gives a proxy of an array of no length',
    giving(
      () =>
        new Proxy([1], { get: (target, key) => (key === 'length' ? Number.NaN : Reflect.get(target, key)) }),
    ),
    tooLong,
  ],

  [
    'frees what is no array',
    () => ({ kind: 'executed', state: 1, result: 1, freed: 'k' }),
    'freed is not an array',
  ],
  ['frees null', () => ({ kind: 'executed', state: 1, result: 1, freed: null }), 'freed is not an array'],
  [
    'frees a Set',
    () => ({ kind: 'executed', state: 1, result: 1, freed: new Set(['k']) }),
    'freed is not an array',
  ],
  [
    'frees numbers',
    () => ({ kind: 'executed', state: 1, result: 1, freed: [1] }),
    'a key in freed is a number: it must be a string',
  ],
  [
    'frees a hole',
    () => ({ kind: 'executed', state: 1, result: 1, freed: [undefined, 'k'] }),
    'a key in freed is nothing: it must be a string',
  ],
  [
    'frees a long key',
    () => ({ kind: 'executed', state: 1, result: 1, freed: ['k'.repeat(1_025)] }),
    'a key in freed is longer than 1024 characters',
  ],
  [
    'frees half a surrogate pair',
    () => ({ kind: 'executed', state: 1, result: 1, freed: ['\ud800'] }),
    'a key in freed holds half',
  ],
  [
    'frees too many keys',
    () => ({ kind: 'executed', state: 1, result: 1, freed: Array.from({ length: 1_025 }, () => 'k') }),
    'freed names more than 1024 keys',
  ],
  [
    'frees four thousand million holes',
    () => ({ kind: 'executed', state: 1, result: 1, freed: new Array(2 ** 32 - 1) }),
    'freed names more than 1024 keys',
  ],
  [
    'frees what throws',
    () => ({
      kind: 'executed',
      state: 1,
      result: 1,
      get freed() {
        throw new Error('nothing is free')
      },
    }),
    'nothing is free',
  ],
  [
    'waits for a number',
    () => ({ kind: 'delayed', state: 1, key: 7 }),
    'key is a number: it must be a string',
  ],
  [
    'waits for an object',
    () => ({ kind: 'delayed', state: 1, key: { toString: () => 'k' } }),
    'key is a object: it must be a string',
  ],
  [
    'waits for a long key',
    () => ({ kind: 'delayed', state: 1, key: 'k'.repeat(1_025) }),
    'key is longer than 1024 characters',
  ],
  [
    'waits for half a surrogate pair',
    () => ({ kind: 'delayed', state: 1, key: '\udc00' }),
    'key holds half of a surrogate pair',
  ],
  [
    'waits for what throws',
    () => ({
      kind: 'delayed',
      state: 1,
      get key() {
        throw new Error('wait for nothing')
      },
    }),
    'wait for nothing',
  ],

  ['names a rejected promise as kind', () => ({ kind: rejected(), state: 1_000 }), 'a kind that is a object'],
  [
    'has a kind that is read as a rejected promise',
    () => ({
      get kind() {
        return rejected()
      },
      state: 1_000,
    }),
    'a kind that is a object',
  ],
  ['names no kind, and a rejected promise', () => ({ state: { p: rejected() } }), 'a kind that is nothing'],
  [
    'frees a rejected promise',
    () => ({ kind: 'executed', state: 1_000, result: 1, freed: [rejected()] }),
    'a key in freed is a object',
  ],
  [
    'frees many rejected promises',
    () => ({ kind: 'executed', state: 1_000, result: 1, freed: Array.from({ length: 20_000 }, rejected) }),
    'freed names more than 1024 keys',
  ],
  [
    'gives many rejected promises, each in an object',
    giving(() => Array.from({ length: 12_000 }, () => ({ value: rejected() }))),
    'is a Promise, which JSON cannot carry',
  ],
  [
    'frees what is a rejected promise as a whole',
    () => ({ kind: 'executed', state: 1_000, result: 1, freed: { all: rejected() } }),
    'freed is not an array',
  ],
  [
    'waits for a rejected promise',
    () => ({ kind: 'delayed', state: 1_000, key: rejected() }),
    'key is a object',
  ],
  [
    'gives a rejected promise beside the answer',
    () => ({ kind: 'executed', state: 1_000, result: 1, saved: rejected() }),
    'a promise in a field that is not used',
  ],
  [
    'gives a promise within what stands beside the answer',
    () => ({ kind: 'delayed', state: 1_000, result: [{ saved: Promise.resolve() }] }),
    'a promise in a field that is not used',
  ],
  [
    'gives a rejected promise beside the entries of a list',
    () => ({
      kind: 'executed',
      state: 1_000,
      result: 1,
      freed: Object.assign(['k'], { saved: rejected() }),
    }),
    'a promise in a field that is not used',
  ],
  [
    'gives a rejected promise beside the name of a timer',
    () => ({
      kind: 'executed',
      state: 1_000,
      result: 1,
      timers: [{ name: 't', afterMs: 1, saved: rejected() }],
    }),
    'a promise in a field that is not used',
  ],
  [
    'revokes a rejected promise',
    () => ({ kind: 'executed', state: 1_000, result: 1, revoked: [rejected()] }),
    'a session in revoked is a object',
  ],
  [
    'gives a rejected promise in the state',
    () => ({ kind: 'executed', state: { n: 1_000, saved: [rejected()] }, result: 1 }),
    'a promise in the state',
  ],
  [
    'gives a rejected promise in a Map of the state',
    () => ({ kind: 'executed', state: { n: new Map([['a', rejected()]]) }, result: 1 }),
    'a promise in the state',
  ],
  [
    'gives an Error in the state whose cause is a rejected promise',
    () => ({ kind: 'executed', state: [new Error('kept', { cause: rejected() })], result: 1 }),
    'a promise in the state',
  ],
  [
    'delays with a promise in the state',
    () => ({ kind: 'delayed', state: new Set([Promise.resolve(1)]) }),
    'a promise in the state',
  ],
  [
    'gives a rejected promise that is read from a getter',
    giving(() => ({
      get a() {
        return rejected()
      },
    })),
    'is a Promise, which JSON cannot carry',
  ],
  [
    'gives a function that has a rejected promise',
    giving(() => Object.assign(() => 1, { p: rejected() })),
    'result is a function',
  ],

  ['throws an Error', throwing(() => new Error('the account is empty')), 'the account is empty'],
  ['throws an Error of its own', throwing(() => new Overdrawn('by 3')), 'by 3'],
  ['throws its own kind of RangeError', throwing(() => new OutOfRange('4 of 3')), '4 of 3'],
  ['throws a string', throwing(() => 'a word'), 'a word'],
  ['throws undefined', throwing(() => undefined), 'the service threw a value that is not an Error'],
  ['throws null', throwing(() => null), 'the service threw a value that is not an Error'],
  [
    'throws an object',
    throwing(() => ({ message: 'not this' })),
    'the service threw a value that is not an Error',
  ],
  ['throws a symbol', throwing(() => Symbol('x')), 'the service threw a value that is not an Error'],
  ['throws a function', throwing(() => () => 1), 'the service threw a value that is not an Error'],
  ['reads a field of nothing', () => (undefined as unknown as { a: 1 }).a, 'the service threw a TypeError'],
  ['calls itself without end', endless, 'the service threw a RangeError'],
  ['parses what is no JSON', () => JSON.parse('{'), 'the service threw a SyntaxError'],
  [
    'asks for what is not there yet',
    () => {
      const read = () => later
      const early = read()
      const later = 1
      return early
    },
    'the service threw a ReferenceError',
  ],
  ['throws a rejected promise', throwing(rejected), 'the service threw a value that is not an Error'],
  [
    'throws an Error whose cause is a rejected promise',
    throwing(() => new Error('not saved', { cause: rejected() })),
    'not saved',
  ],
  [
    'throws an Error that holds a rejected promise',
    throwing(() => Object.assign(new Overdrawn('by 4'), { details: { saved: [rejected()] } })),
    'by 4',
  ],
  [
    'throws the errors of rejected promises',
    throwing(() => new AggregateError([rejected(), rejected()])),
    'the service threw a AggregateError',
  ],
  [
    'throws an Error with a rejected promise for a message',
    throwing(() => withMessage({ get: rejected })),
    'whose message is not a string',
  ],
  ['throws a long message', throwing(() => new Error('x'.repeat(10_000_000))), `${'x'.repeat(999)}…`],
  ['throws half of a surrogate pair', throwing(() => new Error('a\ud83d')), 'a\ufffd'],
  [
    'throws a pair that is cut',
    throwing(() => new Error(`${'x'.repeat(998)}\u{1f512}${'y'.repeat(100)}`)),
    `${'x'.repeat(998)}\ufffd…`,
  ],
  [
    'throws an Error without a message',
    throwing(() => withMessage({ value: undefined })),
    'whose message is not a string',
  ],
  [
    'throws an Error with an object for a message',
    throwing(() => withMessage({ value: {} })),
    'whose message is not a string',
  ],
  [
    'throws an Error that cannot be read',
    throwing(() => withMessage({ get: throwing(() => new Error('twice')) })),
    'an Error that cannot be read',
  ],
  [
    'throws a proxy of an Error',
    throwing(() => new Proxy(new Error(''), { get: throwing(() => 1), getPrototypeOf: throwing(() => 2) })),
    'an Error that cannot be read',
  ],
]

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function endless(): number {
  return endless() + 1
}
