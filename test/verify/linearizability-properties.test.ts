import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import type { Operation } from '../../src/verify/history.ts'
import { kvModel, kvStoreModel } from '../../src/verify/kv-model.ts'
import { lockModel, type Model, registersAndCountersModel } from '../../src/verify/models.ts'
import { registerService } from '../../src/verify/register-service.ts'
import { searchLinearization } from '../../src/verify/search.ts'
import { checkWitness } from '../../src/verify/witness.ts'

const keys = fc.constantFrom('x', 'y')
const values = fc.nat({ max: 2 })

const registerCommands: fc.Arbitrary<Json> = fc.oneof(
  fc.record({ action: fc.constant('read'), key: keys }),
  fc.record({ action: fc.constant('write'), key: keys, value: values }),
  fc.record({ action: fc.constant('compareAndSet'), key: keys, expected: values, value: values }),
  fc.record({ action: fc.constant('add'), key: keys, amount: values }),
  fc.record({ action: fc.constant('count'), key: keys }),
) as fc.Arbitrary<Json>

const lockCommands: fc.Arbitrary<Json> = fc.record({
  action: fc.constantFrom('lock', 'unlock'),
  name: keys,
}) as fc.Arbitrary<Json>

const versions = fc.nat({ max: 6 })
const kvCommands: fc.Arbitrary<Json> = fc.oneof(
  fc.record({ action: fc.constantFrom('get', 'take', 'delete'), key: keys }),
  fc.record({ action: fc.constant('put'), key: keys, value: values }),
  fc.record({ action: fc.constant('put'), key: keys, value: values }),
  fc.record({ action: fc.constant('delete'), key: keys, version: versions }),
  fc.record({ action: fc.constant('compareAndSet'), key: keys, version: versions, value: values }),
  fc.record({ action: fc.constant('watch'), key: keys, after: versions }),
  fc.record({ action: fc.constant('list'), prefix: fc.constantFrom('', 'x') }),
  fc.record({ action: fc.constant('list'), prefix: fc.constant(''), limit: fc.constant(1) }),
  fc.record({ action: fc.constant('watch'), prefix: fc.constantFrom('', 'x'), after: versions }),
) as fc.Arbitrary<Json>

interface Call {
  readonly command: Json
  /** How long before it takes effect it is called, and how long after that it is answered; in steps of the others. */
  readonly before: number
  readonly after: number
  readonly isAnswered: boolean
}

const calls = (commands: fc.Arbitrary<Json>, maxLength: number, overlap: number) =>
  fc.array(
    fc.record({
      command: commands,
      before: fc.nat({ max: overlap }),
      after: fc.nat({ max: overlap }),
      isAnswered: fc.boolean().map((unlikely) => !unlikely || overlap === 0),
    }),
    { maxLength },
  ) as fc.Arbitrary<Call[]>

/**
 * A history that is linearizable by how it came about: the service executed each command at a moment within the time from
 * its call to its answer. What it delays never ran and has no answer.
 */
function history(service: Service, all: readonly Call[]): Operation[] {
  let state = service.initial()
  const operations = all.map(({ command, before, after, isAnswered }, place): Operation => {
    const moment = {
      instance: place,
      version: 1,
      index: 0,
      clockMs: 0,
      uid: `c${place}`,
      seq: 1,
      ttlMs: null,
    }
    const became = service.execute(state, service.parse(command), moment)
    state = became.state
    const position = became.kind === 'executed' ? { instance: place, index: 0 } : null
    // No two ticks are equal: calls have odd halves, answers even ones.
    const call = (place - before) * 1_000 + place
    const answer = (place + after) * 1_000 + 500 + place
    return {
      uid: `c${place}`,
      seq: 0,
      command,
      called: { order: call, timeMs: call },
      ending:
        isAnswered && became.kind === 'executed' && position !== null
          ? { kind: 'answered', at: { order: answer, timeMs: answer }, result: became.result, position }
          : { kind: 'unknown', position },
    }
  })
  return operations.sort((a, b) => a.called.order - b.called.order)
}

const subjects: [string, Service, Model, fc.Arbitrary<Json>][] = [
  ['registers and counters', registerService as Service, registersAndCountersModel, registerCommands],
  ['locks', lockService as Service, lockModel, lockCommands],
  ['keys', kvService as Service, kvModel, kvCommands],
  ['key-value store', kvService as Service, kvStoreModel, kvCommands],
]

/** With the answer of one operation changed, which may or may not be noticed. */
function mutated(operations: readonly Operation[], which: number, result: Json): Operation[] {
  return operations.map((operation, place) => {
    const { ending } = operation
    if (place !== which % Math.max(1, operations.length) || ending.kind !== 'answered') return operation
    return { ...operation, ending: { ...ending, result } }
  })
}

const results: fc.Arbitrary<Json> = fc.oneof(
  fc.nat({ max: 3 }).map((count) => ({ count })),
  fc.option(values).map((value) => ({ value })),
  fc.boolean().map((set) => ({ set })),
  fc.boolean().map((freed) => ({ freed })),
  versions.map((version) => ({ version })),
  versions.map((version) => ({ set: true, version })),
  fc.record({
    entry: fc.option(fc.record({ key: keys, value: values, version: versions })),
  }) as fc.Arbitrary<Json>,
  fc.boolean().map((deleted) => ({ deleted })),
  fc.tuple(fc.subarray(['x', 'y']), values, versions).map(([listed, value, version]) => ({
    ...{ next: null, version: 9 },
    entries: listed.map((key) => ({ key, value, version })),
  })),
  fc.integer({ min: 1, max: 7 }).map((token) => ({ token })),
)

/** Every way to give the operations places in an order, leaving out those that need not have taken effect. */
function* placings(operations: readonly Operation[], from = 0): Generator<Operation[]> {
  if (operations.length === 0) {
    yield []
    return
  }
  for (const operation of operations) {
    const others = operations.filter((other) => other !== operation)
    const position = { instance: from, index: 0 }
    for (const rest of placings(others, from + 1)) {
      yield [{ ...operation, ending: { ...operation.ending, position } } as Operation, ...rest]
    }
    if (operation.ending.kind === 'unknown') {
      for (const rest of placings(others, from)) {
        yield [{ ...operation, ending: { kind: 'unknown', position: null } }, ...rest]
      }
    }
  }
}

test.each(subjects)('%s: what came about in some order passes both', (_, service, model, commands) => {
  fc.assert(
    fc.property(calls(commands, 12, 2), (all) => {
      const operations = history(service, all)
      expect(checkWitness(operations, model)).toBe(null)
      expect(searchLinearization(operations, model)).toBe(null)
    }),
    { numRuns: 300 },
  )
})

test.each(
  subjects,
)('%s: one after another, both judge a changed answer alike', (_, service, model, commands) => {
  const verdicts = { good: 0, bad: 0 }
  fc.assert(
    fc.property(calls(commands, 10, 0), fc.nat(), results, (all, which, result) => {
      // Without those that have no answer there is one order only.
      const answered = history(service, all).filter(({ ending }) => ending.kind === 'answered')
      const operations = mutated(answered, which, result)
      const isGood = checkWitness(operations, model) === null
      verdicts[isGood ? 'good' : 'bad'] += 1
      expect(searchLinearization(operations, model) === null).toBe(isGood)
    }),
    { numRuns: 500 },
  )
  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(20)
})

test.each(
  subjects,
)('%s: the search finds an order when one passes the witness check', (_, service, model, commands) => {
  const verdicts = { good: 0, bad: 0 }
  fc.assert(
    fc.property(calls(commands, 4, 2), fc.nat(), results, (all, which, result) => {
      const operations = mutated(history(service, all), which, result)
      const isGood = [...placings(operations)].some((placed) => checkWitness(placed, model) === null)
      verdicts[isGood ? 'good' : 'bad'] += 1
      expect(searchLinearization(operations, model) === null).toBe(isGood)
    }),
    { numRuns: 500 },
  )
  expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(20)
})
