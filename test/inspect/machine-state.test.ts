/** What is shown of a role: all of it where it is small, and never more than somebody can look at. */
import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { clientMachine } from '../../machines/client.ts'
import { defaultClientTiming } from '../../machines/client-timing.ts'
import type { RequestQueueEvent, RoleName } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { roleInputs, roleMachines, roleNames } from '../../src/core/roles.ts'
import { start, step } from '../../src/core/step.ts'
import { machineStateOf, type ShownSession } from '../../src/inspect/records/machine-state.ts'
import { truncated, truncatedView } from '../../src/inspect/records/truncated.ts'
import { viewRows } from '../../src/services/service.ts'
import { members, service } from '../support/role.ts'

const inputs = roleInputs(
  {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    promised: null,
    accepted: [],
    firstUnchosen: 0,
    snapshot: null,
    requestsSince: 0,
    dueInMs: null,
  },
  { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 },
)

const begun = (role: RoleName) => start(roleMachines[role], inputs[role]).snapshot

describe('truncated', () => {
  test('leaves what is small as it is', () => {
    const value: Json = { a: [1, 'two', true, null, { b: [] }], c: '' }
    expect(truncated(value)).toEqual(value)
  })

  test('cuts long texts, lists and records, and says how much more there is', () => {
    expect(truncated('x'.repeat(201))).toBe(`${'x'.repeat(200)}… (201)`)
    expect(truncated(Array.from({ length: 50 }, (_, at) => at))).toEqual([
      ...Array.from({ length: 48 }, (_, at) => at),
      '… 2 more',
    ])
    const wide = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, at]))
    expect(truncated(wide)).toEqual({
      ...Object.fromEntries(Object.entries(wide).slice(0, 48)),
      '…': '2 more',
    })
  })

  test('ends in the depth, so that nothing makes it endless', () => {
    const loop: { own?: unknown } = {}
    loop.own = loop
    expect(JSON.stringify(truncated(loop))).toBe(`${'{"own":'.repeat(11)}"…"${'}'.repeat(11)}`)
  })

  test('leaves nothing but JSON', () => {
    const odd = { left: undefined, fun: () => 1, symbol: Symbol('s'), big: 1n }
    expect(truncated(odd)).toEqual({ fun: null, symbol: null, big: null })
  })
})

test('a view stays a view: whole rows, as many as are shown, and a count of the others', () => {
  const rows = Array.from({ length: viewRows + 3 }, (_, at) => [`lock-${at}`, 'x'.repeat(500)])
  const table = { name: 'locks', columns: ['lock', 'holder'], rows, more: 4, keyColumn: 0 }
  const view = truncatedView({ tables: [table] })
  expect(view).toMatchObject({
    tables: [{ name: 'locks', columns: ['lock', 'holder'], more: 7, keyColumn: 0 }],
  })
  const [shown] = 'tables' in view ? view.tables : []
  expect(shown?.rows).toHaveLength(viewRows)
  expect(shown?.rows[0]).toEqual(['lock-0', `${'x'.repeat(200)}… (500)`])
})

describe('the stand of a role', () => {
  test.each(roleNames)('%s: its state, and its context without what never changes', (role) => {
    const { state, context } = machineStateOf(role, begun(role))
    expect(state).toBe(String(begun(role).value))
    for (const constant of ['members', 'limits', 'timing', 'incarnation'])
      expect(context).not.toHaveProperty(constant)
    expect(JSON.parse(JSON.stringify(context))).toEqual(context)
  })

  test('a queue of thousands shows the first of them, and how many there are', () => {
    let snapshot = begun('requestQueue')
    for (let seq = 0; seq < 3_000; seq += 1) {
      const event: RequestQueueEvent = {
        type: 'request',
        uid: `client-${seq}`,
        ackedBelow: 0,
        requests: [{ seq: 1, command: { kind: 'service', body: { action: 'lock', name: `lock-${seq}` } } }],
        replyTo: '127.0.0.1:1',
        ...{ receivedAtMs: seq, atMs: seq },
        commandBytes: [60],
        recalled: { ended: [], isFull: false },
      }
      snapshot = step(roleMachines.requestQueue, snapshot, event).snapshot
    }
    const { state, context } = machineStateOf('requestQueue', snapshot)
    expect(state).toBe('ready')
    expect(context).toMatchObject({ held: { count: 3_000, delayedCount: 0 } })
    const { requests } = (context as { held: { requests: readonly { uid: string; tag: Json }[] } }).held
    expect(requests.map(({ uid }) => uid)).toEqual(Array.from({ length: 20 }, (_, at) => `client-${at}`))
    expect(JSON.stringify(context).length).toBeLessThan(6_000)
  })

  test('a session of thousands of requests shows the first of them, and how many are asked, held and not asked', () => {
    const timing = defaultClientTiming
    const input = { timing, randomSeed: 1, uid: 'a@0', server: 0, firstSeq: 1 }
    const requests = Array.from({ length: 2_000 }, (_, at) => ({
      seq: at + 1,
      command: service('x'),
      commandBytes: 10,
    }))
    const submitted = { type: 'request.submitted', requests, servers: 3, atMs: 0 }
    const held = { type: 'queued', uid: 'a@0', seqs: [1, 2], server: 0, atMs: 1 }
    const snapshot = [submitted, held].reduce(
      (before, event) => step(clientMachine, before, event).snapshot,
      start(clientMachine, input).snapshot,
    )
    const { state, context } = machineStateOf('client', snapshot)
    expect(state).toBe('asking')
    // The window has grown by the two confirmations, and the two held requests do not count in it.
    expect(context).toMatchObject({ requests: { asked: 66, held: 2, backlog: 1_932 } })
    const { first } = (context as unknown as { requests: ShownSession }).requests
    expect(first.map(({ seq, isHeld }) => [seq, isHeld]).slice(0, 3)).toEqual([
      [1, true],
      [2, true],
      [3, false],
    ])
    expect(first).toHaveLength(20)
    expect(JSON.stringify(context).length).toBeLessThan(3_000)
  })
})
