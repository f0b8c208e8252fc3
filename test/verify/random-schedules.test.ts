/**
 * The checkers on real runs: the roles as they are break no invariant and give histories that both checkers pass, with
 * any network, disks and crashes. What one checker keeps is written down and read again after every fact.
 */
import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { uidOf } from '../../src/core/names.ts'
import { type ClusterState, clusterSettings } from '../../src/schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../../src/schedule/events.ts'
import { Judge } from '../../src/schedule/judge.ts'
import { compose } from '../../src/services/compose.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { History } from '../../src/verify/history.ts'
import { Invariants } from '../../src/verify/invariants.ts'
import { kvModel, kvStoreModel } from '../../src/verify/kv-model.ts'
import { composedModel, lockModel, type Model, registersAndCountersModel } from '../../src/verify/models.ts'
import { registerService } from '../../src/verify/register-service.ts'
import { searchLinearization } from '../../src/verify/search.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import { runRandomSchedule } from '../support/random-schedule.ts'

const lockCommands: readonly Json[] = [
  { action: 'lock', name: 'x' },
  { action: 'unlock', name: 'x' },
  { action: 'lock', name: 'y' },
  { action: 'unlock', name: 'y' },
]

const kvCommands: readonly Json[] = [
  { action: 'put', key: 'x', value: 1 },
  { action: 'put', key: 'x', value: 2 },
  { action: 'get', key: 'x' },
  { action: 'delete', key: 'x' },
  { action: 'compareAndSet', key: 'x', version: 1, value: 3 },
  { action: 'take', key: 'x' },
  { action: 'take', key: 'y' },
  { action: 'put', key: 'y', value: 4 },
  { action: 'watch', key: 'x' },
  { action: 'list', prefix: '' },
  { action: 'watch', prefix: '' },
]

const composedCommands: readonly Json[] = [
  ...lockCommands.map((command) => ({ service: 'lock', command })),
  ...kvCommands.map((command) => ({ service: 'kv', command })),
]
const composed = compose({ lock: lockService, kv: kvService }) as unknown as Service
const models = composedModel({ lock: lockModel, kv: kvModel })

const registerCommands: readonly Json[] = [
  { action: 'read', key: 'x' },
  { action: 'write', key: 'x', value: 1 },
  { action: 'write', key: 'x', value: 2 },
  { action: 'compareAndSet', key: 'x', expected: 1, value: 2 },
  { action: 'add', key: 'x', amount: 1 },
  { action: 'count', key: 'x' },
]

const subjects: [string, Service, readonly Json[], Model][] = [
  ['locks', lockService as Service, lockCommands, lockModel],
  ['key-value store', kvService as Service, kvCommands, kvStoreModel],
  ['both, composed', composed, composedCommands, models],
  ['registers and counters', registerService as Service, registerCommands, registersAndCountersModel],
]

/** Writes down what clients see of a schedule. */
function record(history: History, event: ClusterEvent | null, before: ClusterState, step: ClusterStep): void {
  const { state, facts } = step
  if (event?.type === 'request' && event.command.kind === 'service') {
    const seq = state.clients.find(({ name }) => name === event.client)?.requests.length ?? 0
    history.called(uidOf(event.client), seq, event.command.body, state.nowMs)
  }
  for (const fact of facts) if (fact.type === 'executed') history.executed(fact.execution, 0)
  for (const { name, requests } of state.clients) {
    const earlier = before.clients.find((client) => client.name === name)?.requests ?? []
    for (const { seq, command, outcome } of requests) {
      if (command.kind !== 'service' || outcome === null || outcome === 'given up') continue
      if (earlier[seq - 1]?.outcome === null) history.ended(uidOf(name), seq, outcome, state.nowMs)
    }
  }
}

const seeds = [1, 2, 3, 4, 5, 6]

describe.each(subjects)('%s', (_, service, commands, model) => {
  const seen = { instances: 0, answers: 0, restarts: 0, changes: 0, contested: 0 }

  test.each(seeds)('seed %i breaks no invariant, and both checkers pass the history', (seed) => {
    const settings = { ...clusterSettings(3 + (seed % 2), service), digestEvery: 1 }
    const judge = Judge.begin(settings, service.name)
    let reread = Invariants.begin({ founders: settings.founders, service: service.name })
    const invariants = reread.copy()
    const history = new History()
    runRandomSchedule({
      seed,
      events: 1_500,
      settings,
      clients: 3,
      command: (random) => ({
        kind: 'service',
        body: commands[Math.floor(random * commands.length)] ?? null,
      }),
      watch(event, before, step) {
        judge.judge(before, step)
        reread = Invariants.fromJson(reread.toJson())
        for (const fact of step.facts) {
          invariants.observe(fact)
          reread.observe(fact)
          if (fact.type === 'said' && fact.message.type === 'promise') {
            seen.contested += fact.message.accepted.length
          }
        }
        if (event?.type === 'restart') seen.restarts += 1
        record(history, event, before, step)
      },
    })
    expect(reread.toJson()).toBe(invariants.toJson())
    expect(invariants.copy().toJson()).toBe(invariants.toJson())
    expect(checkWitness(history.operations, model)).toBe(null)
    expect(searchLinearization(history.operations, model)).toBe(null)
    const { executions, members } = invariants.knowledge()
    seen.instances += executions.given.length
    seen.changes += members.length - 1
    seen.answers += history.operations.filter(({ ending }) => ending.kind === 'answered').length
  })

  test('it comes to what there is to judge', () => {
    expect(seen.instances).toBeGreaterThan(30)
    expect(seen.answers).toBeGreaterThan(20)
    expect(seen.restarts).toBeGreaterThan(50)
    expect(seen.changes).toBeGreaterThan(2)
    expect(seen.contested).toBeGreaterThan(100)
  })
})
