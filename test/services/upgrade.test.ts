/** A version of the service's behaviour comes into force at one request, on every server that has it. */
import { describe, expect, test } from 'vitest'
import type { Command, Json } from '../../machines/batch.ts'
import { compose } from '../../src/services/compose.ts'
import { defineService } from '../../src/services/define-service.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { ask, body, outcomesOf, run, testSessions, threeMembers } from './driver.ts'

interface State {
  readonly notes: readonly string[]
}

/** Notes the version at each call; from version 2 on it counts from 100. */
function noting(version: number, more: Partial<Service<State, Json>> = {}, oldestVersion = 1): Service {
  const noted = (state: State, text: string) => ({ state: { notes: [...state.notes, text] } })
  return defineService<State, Json, number>({
    ...{ name: 'noting', version, oldestVersion },
    initial: () => ({ notes: [] }),
    parse: (json) => json,
    execute(state, command, at) {
      if (command === 'wait') return { kind: 'delayed', ...noted(state, `waits ${at.version}`), key: 'k' }
      return {
        ...noted(state, `${command} ${at.version}`),
        ...{ kind: 'executed', result: state.notes.length + (at.version >= 2 ? 100 : 0) },
        timers: command === 'time' ? [{ name: 't', afterMs: 5 }] : [],
      }
    },
    timerFired: (state, name, at) => noted(state, `${name} ${at.version}`),
    requestEnded: (state, { uid }, at) => noted(state, `${uid} ${at.version}`),
    upgraded: (state, from, at) => ({ ...noted(state, `${from} to ${at.version}`), freed: ['k'] }),
    snapshot: ({ notes }) => [notes],
    restore: (rows) => ({ notes: [...rows][0] as readonly string[] }),
    ...(more as object),
  }) as unknown as Service
}

function replicaOf(service: Service): Replica {
  return new Replica({ service, members: threeMembers, sessions: testSessions })
}

const all = [0, 1, 2]
const upgrade = (version: number, supportedBy: readonly number[] = all): Command => ({
  ...{ kind: 'upgrade', version, supportedBy },
})
const notesOf = (replica: Replica) => (replica.view() as { readonly json: Json }).json

describe('an upgrade', () => {
  test('takes effect with the next request, also of the same batch, and for timers and ends of requests', () => {
    const replica = replicaOf(noting(2))
    run(replica, [ask('b@0', 1, body('wait'))])
    expect(
      outcomesOf(replica, [
        ask('a@0', 1, body('time')),
        ask('a@0', 2, upgrade(2)),
        ask('a@0', 3, body('x')),
        ask('a@0', 4, { kind: 'cancel', seq: 9 }),
        ask('b@0', 2, { kind: 'cancel', seq: 1 }),
      ]),
    ).toMatchObject([
      { result: 1 },
      { result: { version: 2, before: 1 } },
      { result: 103 },
      ...[{ kind: 'executed' }, { kind: 'cancelled' }, { kind: 'executed' }, { kind: 'cancelled' }],
    ])
    run(replica, [], { clockMs: 10 })
    expect([...JSON.stringify(notesOf(replica)).matchAll(/"([^"]+ \d)"/g)].map(([, note]) => note)).toEqual([
      ...['waits 1', 'time 1', '1 to 2', 'x 2', 'b@0 2', 't 2'],
    ])
    expect(replica.serviceVersions).toEqual({ oldest: 1, newest: 2, inForce: 2 })
  })

  test('wakes what waits for a key that it frees', () => {
    const replica = replicaOf(noting(2))
    run(replica, [ask('b@0', 1, body('wait'))])
    expect(run(replica, [ask('a@0', 1, upgrade(2))])).toMatchObject({ freed: ['k'], progressed: true })
  })

  test('is refused while a counted server did not report the version, and has no effect', () => {
    const replica = replicaOf(noting(2))
    expect(outcomesOf(replica, [ask('a@0', 1, upgrade(2, [0, 2]))])).toMatchObject([
      { kind: 'failed', error: expect.stringContaining('server 1 did not report') },
    ])
    expect(replica.serviceVersions.inForce).toBe(1)
    // A server that is not counted yet need not have it: it cannot vote.
    run(replica, [ask('a@0', 2, { kind: 'members', change: { action: 'add', id: 3, address: 'h:1' } })])
    expect(outcomesOf(replica, [ask('a@0', 3, upgrade(2))])).toMatchObject([{ kind: 'executed' }])
  })

  test('does not go back, and again is no change', () => {
    const replica = replicaOf(noting(3))
    run(replica, [ask('a@0', 1, upgrade(3))])
    const before = notesOf(replica)
    expect(outcomesOf(replica, [ask('a@0', 2, upgrade(2)), ask('a@0', 3, upgrade(3))])).toMatchObject([
      { kind: 'failed', error: expect.stringContaining('it does not go back to 2') },
      { kind: 'executed', result: { version: 3, before: 3 } },
    ])
    expect(notesOf(replica)).toEqual(before)
  })

  test('that the service fails leaves the version in force', () => {
    const replica = replicaOf(
      noting(2, {
        upgraded: () => {
          throw new Error('not in this form')
        },
      }),
    )
    expect(outcomesOf(replica, [ask('a@0', 1, upgrade(2)), ask('a@0', 2, body('x'))])).toMatchObject([
      { kind: 'failed', error: 'the service failed to upgrade its state: not in this form' },
      { result: 0 },
    ])
  })

  test('of a composition reaches each part, or none', () => {
    const parts = { noting: noting(2), kv: kvService }
    const replica = replicaOf(compose(parts) as Service)
    expect(replica.serviceVersions).toEqual({ oldest: 1, newest: 2, inForce: 1 })
    const outcomes = outcomesOf(replica, [
      ask('a@0', 1, upgrade(2)),
      ask('a@0', 2, body({ service: 'noting', command: 'x' })),
    ])
    expect(outcomes).toMatchObject([{ kind: 'executed' }, { result: 101 }])
  })
})

describe('a server whose program does not have the version', () => {
  const words = 'the cluster runs version 2 of the service noting, and this program has version 1'

  test('executes nothing from the upgrade on', () => {
    const replica = replicaOf(noting(1))
    const next = replica.firstUnexecuted
    expect(() => run(replica, [ask('a@0', 1, upgrade(2))])).toThrow(words)
    expect(replica.firstUnexecuted).toBe(next)
  })

  test('is not restored from a snapshot, and one that has it goes on as the others', () => {
    const replica = replicaOf(noting(2))
    run(replica, [ask('a@0', 1, upgrade(2))])
    expect(() => Replica.restore(noting(1), replica.snapshot())).toThrow(words)
    const other = Replica.restore(noting(3), replica.snapshot())
    expect(other.serviceVersions).toEqual({ oldest: 1, newest: 3, inForce: 2 })
    const next = [ask('a@0', 2, body('x'))]
    expect(outcomesOf(other, next)).toEqual(outcomesOf(replica, next))
    expect(other.digest()).toBe(replica.digest())
  })

  test('that has dropped an older one does not execute what was chosen under it', () => {
    const replica = replicaOf(noting(3, {}, 2))
    expect(() => run(replica, [ask('a@0', 1, body('x'))])).toThrow(
      'the cluster runs version 1 of the service noting, and this program has versions 2 to 3',
    )
  })
})

test.each([0, 3, 1.5, '1'])('oldestVersion %s of a service with version 2 is refused', (oldestVersion) => {
  expect(() => noting(2, {}, oldestVersion as number)).toThrow('oldestVersion of the service noting is')
})
