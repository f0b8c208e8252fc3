/** The style of the charts is a rule, so it is tested: see the words and the portrait that CONTRIBUTING.md gives. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnyStateMachine, createActor } from 'xstate'
import { clientMachine } from '../../machines/client.ts'
import { defaultClientTiming } from '../../machines/client-timing.ts'
import type { RoleEvent } from '../../machines/inbox.ts'
import { leaseMachine } from '../../machines/lease.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import { nodeMachine } from '../../machines/node.ts'
import { drawRandom } from '../../machines/random.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { roleInputs, roleMachines, roleNames } from '../../src/core/roles.ts'
import { batchOf } from '../support/batches.ts'
import { copiedBoots } from '../support/copied-boots.ts'
import {
  batch,
  executed,
  member,
  members,
  Role,
  record,
  request,
  service,
  type Want,
} from '../support/role.ts'

interface Named {
  readonly type: string
  readonly params?: unknown
}

interface Transition {
  readonly [key: string]: unknown
  readonly guard?: unknown
  readonly actions?: unknown
}

interface State {
  readonly path: string
  readonly config: { readonly [key: string]: unknown }
}

const charts: readonly (readonly [name: string, machine: AnyStateMachine])[] = [
  ...roleNames.map((name) => [name, roleMachines[name]] as const),
  ['client', clientMachine],
  ['lease', leaseMachine],
  ['node', nodeMachine as unknown as AnyStateMachine],
]

function arrayOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value as T]
}

/** The machine's root and every state in it. */
function statesOf(machine: AnyStateMachine): State[] {
  const walk = (path: string, config: State['config']): State[] => [
    { path, config },
    ...Object.entries((config.states ?? {}) as Record<string, State['config']>).flatMap(([name, child]) =>
      walk(path === '' ? name : `${path}.${name}`, child),
    ),
  ]
  return walk('', machine.config as State['config'])
}

/** Every list of alternatives of a state, with what it is for. */
function alternativesOf({
  path,
  config,
}: State): { readonly at: string; readonly list: readonly Transition[] }[] {
  const tables: [string, unknown][] = [
    ...Object.entries((config.on ?? {}) as object),
    ...Object.entries((config.after ?? {}) as object),
    ['always', config.always],
  ]
  return tables.map(([name, alternatives]) => ({
    at: `${path} on ${name}`,
    list: arrayOf(alternatives).map((one) =>
      typeof one === 'string' ? { target: one } : (one as Transition),
    ),
  }))
}

const transitionsOf = (state: State) => alternativesOf(state).flatMap(({ list }) => list)

function nameOf(reference: unknown, where: string): string {
  if (typeof reference === 'string') return reference
  if (typeof reference === 'object' && reference !== null && 'type' in reference)
    return (reference as Named).type
  throw new Error(`${where}: expected the name of a guard or an action, got ${String(reference)}`)
}

function guardsIn(machine: AnyStateMachine): string[] {
  return statesOf(machine).flatMap((state) =>
    transitionsOf(state).flatMap(({ guard }) => (guard === undefined ? [] : [nameOf(guard, state.path)])),
  )
}

function actionsIn(machine: AnyStateMachine): string[] {
  return statesOf(machine).flatMap((state) =>
    [state.config.entry, state.config.exit, ...transitionsOf(state).map(({ actions }) => actions)]
      .flatMap((actions) => arrayOf(actions))
      .map((action) => nameOf(action, state.path)),
  )
}

function delaysIn(machine: AnyStateMachine): string[] {
  return statesOf(machine).flatMap(({ config }) => Object.keys((config.after ?? {}) as object))
}

const sortedOnce = (names: readonly string[]) => [...new Set(names)].sort()

describe.each(charts)('the chart of the %s', (name, machine) => {
  const states = statesOf(machine)
  const { guards, actions, delays } = machine.implementations

  test('bears its own name', () => {
    expect(machine.id).toBe(name)
  })

  test('describes each of its states: why one is here, what ends it', () => {
    const bare = states.filter(
      ({ path, config }) => path !== '' && !/^[A-Z].*\.$/s.test(String(config.description)),
    )
    expect(bare.map(({ path }) => path)).toEqual([])
    expect(states.length).toBeGreaterThan(2)
  })

  test('has no keys that XState would pass over in silence', () => {
    // `schemas` is put there by `setup`.
    const ofRoot = ['id', 'context', 'initial', 'states', 'on', 'invoke', 'schemas']
    const ofFinal = ['type', 'description', 'meta']
    const ofState = [
      'description',
      'meta',
      'entry',
      'exit',
      'always',
      'after',
      'on',
      'initial',
      'states',
      'invoke',
    ]
    const unknown = states.flatMap(({ path, config }) => {
      const known = path === '' ? ofRoot : config.type === 'final' ? ofFinal : ofState
      return Object.keys(config)
        .filter((key) => !known.includes(key))
        .map((key) => `${path}: ${key}`)
    })
    const ofTransition = ['target', 'guard', 'actions', 'reenter']
    const unknownThere = states
      .flatMap(alternativesOf)
      .flatMap(({ at, list }) => list.flatMap((one) => Object.keys(one).map((key) => [at, key] as const)))
      .filter(([, key]) => !ofTransition.includes(key))
    expect([...unknown, ...unknownThere]).toEqual([])
  })

  test('names its guards, and has each it names, and no other', () => {
    expect(sortedOnce(guardsIn(machine))).toEqual(Object.keys(guards).sort())
  })

  test('names its actions, and has each it names, and no other', () => {
    expect(sortedOnce(actionsIn(machine))).toEqual(Object.keys(actions).sort())
  })

  test('names its delays, and has each it names, and no other: one that is not declared passes at once', () => {
    expect(sortedOnce(delaysIn(machine))).toEqual(Object.keys(delays).sort())
    expect(delaysIn(machine).filter((delay) => /^\d/.test(delay))).toEqual([])
  })

  test('has no alternative after one without a guard: it would never be taken', () => {
    const dead = states
      .flatMap(alternativesOf)
      .filter(({ list }) => list.slice(0, -1).some(({ guard }) => guard === undefined))
    expect(dead.map(({ at }) => at)).toEqual([])
  })

  test('can reach each of its states', () => {
    const initial = states.flatMap(({ config }) =>
      config.initial === undefined ? [] : [String(config.initial)],
    )
    const targets = states
      .flatMap(transitionsOf)
      .flatMap(({ target }) => arrayOf(target as string | undefined))
    const reached = new Set([...initial, ...targets].flatMap((target) => target.split('.')))
    expect(states.filter(({ path }) => path !== '' && !reached.has(path.split('.').at(-1) ?? ''))).toEqual([])
  })

  test('uses words as all charts do: guards are sentences, actions orders', () => {
    const orders =
      /^(record|adopt|forget|advance|send|broadcast|notify|persist|read|query|keep|check|recall|offer|flag|halt|spawn|refuse|distrust|withdraw|begin|end)(?=[A-Z]|$)/
    expect(Object.keys(actions).filter((action) => !orders.test(action))).toEqual([])
    expect(Object.keys(guards).filter((guard) => orders.test(guard))).toEqual([])
  })
})

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../machines')

describe.each(readdirSync(folder).filter((file) => file.endsWith('.ts')))('machines/%s', (file) => {
  const source = readFileSync(join(folder, file), 'utf8')
  /** Without comments and strings. */
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'/g, ' ')

  test('is short enough to be read at once: the thinking has a file of its own', () => {
    if (/\bcreateMachine\(/.test(code)) expect(source.split('\n').length).toBeLessThanOrEqual(250)
  })

  test('gives the event to guards and actions with one helper', () => {
    const wrote = /\bparams: \(\{ event \}\) =>/.test(code)
    expect(wrote).toBe(false)
  })

  test('takes from XState and its siblings alone', () => {
    const froms = [...source.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, from]) => from ?? '')
    expect(froms.filter((from) => from !== 'xstate' && !/^\.\/[a-z-]+\.ts$/.test(from))).toEqual([])
    expect(code).not.toMatch(/\brequire\b|\bimport\s*\(/)
  })

  test.each([
    ['a clock', /\bDate\b|\bperformance\b|\bhrtime\b/],
    ['chance', /\bMath\s*\.\s*random\b|\bcrypto\b/],
    ['a timer of its own', /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
    ['the process or the console', /\bprocess\b|\bconsole\b|\bglobalThis\b/],
    ['anything asynchronous', /\basync\b|\bawait\b|\bPromise\b|\bfromPromise\b/],
    ['a Map', /\bnew (Weak)?Map\b|\bMap</],
    ['an actor of its own, or the log', /\bsendTo\b|\bsendParent\b|\blog\(/],
  ])('uses no such thing as %s', (_, pattern) => {
    expect(code).not.toMatch(pattern)
  })
})

// What may happen to roles: anything that decodes, in any order, made from small numbers so that they meet.
const number = fc.integer({ min: 0, max: 4 })
const ballots = fc.record({ round: fc.integer({ min: 0, max: 6 }), node: fc.integer({ min: 0, max: 2 }) })
const batches = fc.constantFrom(batch('a'), batch('b'), batchOf(2, [request('a', 1), request('b', 2)]))
const records = fc.record({ instance: number, ballot: ballots, batch: batches })
const sender = fc.integer({ min: 0, max: 3 })
const incarnation = fc.constantFrom(...[0, 1, 2, 3].map((id) => foundingIncarnation(id)))
const heading = { sender, incarnation, knowsUs: fc.boolean(), atMs: number }
const informants = fc.record({ id: sender, incarnation })
const memberLists = fc.constantFrom(
  members(3),
  members(5),
  [member(1), member(2)],
  [...members(2), member(4, null)],
)
const uid = fc.constantFrom('a', 'b', 'c')
const runningDigest = fc.constantFrom('d', 'e', 'f')
const runningDigests = fc.array(runningDigest, { minLength: 1, maxLength: 3 })
const key = fc.constantFrom('k', 'l', null)
const position = { instance: 1, index: 0 }
const outcomes = fc.oneof(
  fc.constantFrom(
    { kind: 'executed', result: null, ...position } as const,
    { kind: 'cancelled', ...position } as const,
    { kind: 'refused', reason: 'stale' } as const,
    { kind: 'full', of: 'waiting' } as const,
  ),
  fc.record({ kind: fc.constant('delayed' as const), key }),
)
const executions = fc
  .record({
    instance: number,
    outcomes: fc.array(fc.record({ uid, seq: fc.constantFrom(1, 2), outcome: outcomes }), { maxLength: 4 }),
    freed: fc.uniqueArray(fc.constantFrom('k', 'l'), { maxLength: 2 }),
    progressed: fc.boolean(),
    concerned: fc.uniqueArray(sender, { maxLength: 2 }),
    members: fc.option(memberLists, { freq: 8 }),
  })
  .map(({ instance, ...changes }) => executed(instance, changes))

const is = <const T extends string>(type: T) => fc.constant(type)
const pages = { from: number, batches: fc.array(batches, { maxLength: 3 }) }

// Events of a client. Several have the same seq, or one that was never submitted.
const seqs = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 })
const asked = fc.integer({ min: 0, max: 2 })
const atMs = fc.integer({ min: 0, max: 5_000 })
const commands = fc.constantFrom({ kind: 'service', body: 'x' } as const, { kind: 'cancel', seq: 1 } as const)

/** The events, with the seqs of submitted requests in order, as the driver of a client gives them. */
function numbered(events: readonly (RoleEvent | null)[]): (RoleEvent | null)[] {
  let seq = 0
  return events.map((event) => {
    const { type, requests } = (event ?? {}) as { type?: string; requests?: readonly object[] }
    if (event === null || type !== 'request.submitted' || requests === undefined) return event
    const inOrder = requests.map((request) => {
      seq += 1
      return { ...request, seq }
    })
    return { ...event, requests: inOrder } as unknown as RoleEvent
  })
}

// Requests that arrive at a queue: one or two of a session, perhaps held or ended.
const groupParts = {
  uid,
  ackedBelow: fc.constant(0),
  requests: fc
    .constantFrom([1], [2], [1, 2])
    .map((all) => all.map((seq) => ({ seq, command: service('x') }))),
}
const recalled = fc.record({
  ended: fc.constantFrom([], [], [], [{ seq: 1, outcome: { kind: 'refused', reason: 'stale' } as const }]),
  isFull: fc.constantFrom(false, false, false, true),
})

/** The question before the first one of the reader below. */
const firstQuestion = Math.floor(drawRandom(3).value * 2 ** 51)

const happenings: Readonly<Record<string, fc.Arbitrary<RoleEvent>>> = {
  acceptor: fc.oneof(
    fc.record({ type: is('prepare'), ballot: ballots, from: number, ...heading }),
    fc.record({ type: is('accept'), ballot: ballots, instance: number, batch: batches, ...heading }),
    fc.record({ type: is('settled'), ballot: fc.option(ballots), instance: number, ...heading }),
    fc.record({ type: is('confirm'), question: number, ...heading }),
    fc.record({ type: is('persisted') }),
    fc.record({ type: is('firstUnchosen.advanced'), firstUnchosen: number }),
    fc.record({ type: is('members.changed'), members: memberLists }),
  ),
  proposer: fc.oneof(
    fc.record({
      type: is('promise'),
      ballot: ballots,
      from: number,
      accepted: fc.array(records, { maxLength: 2 }),
      firstUnchosen: number,
      ...heading,
    }),
    fc.record({ type: is('accepted'), ballot: ballots, instance: number, ...heading }),
    fc.record({
      type: is('denial'),
      ballot: ballots,
      instance: number,
      promised: fc.option(ballots),
      firstUnchosen: number,
      ...heading,
    }),
    fc.record({ type: is('requests.ready') }),
    fc.record({ type: is('batch.offered'), batch: batches, atMs: number }),
    fc.record({ type: is('settle.wanted') }),
    fc.record({ type: is('rival.promised'), ballot: ballots }),
    executions,
  ),
  learner: fc.oneof(
    fc.record({ type: is('learn'), from: number, ...heading }),
    fc.record({
      type: is('chosen'),
      ...pages,
      firstUnchosen: number,
      unsettled: fc.boolean(),
      ...heading,
    }),
    fc.record({ type: is('batch.chosen'), instance: number, batch: batches }),
    fc.record({
      type: is('choice.implied'),
      informant: informants,
      heard: number,
      firstUnchosen: number,
      implied: fc.option(batches),
      atMs: number,
    }),
    fc.record({
      type: is('behind.noticed'),
      firstUnchosen: number,
      informant: informants,
      atMs: fc.option(number),
    }),
    fc.record({ type: is('news.wanted') }),
    fc.record({ type: is('chosen.read'), to: sender, incarnation, ...pages }),
    fc.record({ type: is('members.changed'), members: memberLists }),
  ),
  requestQueue: fc.oneof(
    fc.record({
      type: is('request'),
      ...groupParts,
      replyTo: fc.constantFrom('here', 'there'),
      avoid: fc.constantFrom(1, 2),
      receivedAtMs: number,
      atMs: number,
      commandBytes: fc.constant([10, 20]),
      recalled,
    }),
    fc.record({
      type: is('handOver'),
      groups: fc.array(fc.record(groupParts), { minLength: 1, maxLength: 2 }),
      commandBytes: fc.constant([
        [10, 20],
        [30, 40],
      ]),
      recalled: fc.tuple(recalled, recalled),
      firstUnexecuted: number,
      ...heading,
    }),
    fc.record({ type: is('leader.changed'), leader: sender }),
    fc.record({ type: is('leader.answered'), leader: sender }),
    fc.record({ type: is('batch.wanted') }),
    fc.record({ type: is('work.wanted') }),
    fc.record({ type: is('time.wanted') }),
    fc.record({ type: is('news.checked') }),
    fc.record({ type: is('members.changed'), members: memberLists }),
    executions,
  ),
  reader: fc.oneof(
    fc.record({
      type: is('read'),
      uid: fc.constantFrom('a', 'b'),
      reads: fc.constantFrom([1], [2], [1, 2]).map((all) => all.map((seq) => ({ seq, body: 'x' }))),
      stale: fc.boolean(),
      replyTo: fc.constantFrom('here', 'there'),
      atMs: number,
      bodyBytes: fc.constant([10, 20]),
    }),
    fc.record({
      type: is('confirmed'),
      question: fc.integer({ min: firstQuestion, max: firstQuestion + 3 }),
      firstUnchosen: number,
      acceptedBelow: number,
      ...heading,
    }),
    fc.record({ type: is('node.stopping') }),
    fc.record({ type: is('space.changed'), isLow: fc.boolean() }),
    fc.record({ type: is('members.changed'), members: memberLists }),
    executions,
  ),
  timekeeper: fc.oneof(
    fc.record({ type: is('deadline.reckoned'), dueInMs: fc.option(fc.nat(2 ** 32)), proposedBy: sender }),
    fc.record({ type: is('members.changed'), members: memberLists }),
  ),
  auditor: fc.oneof(
    fc.record({
      type: is('compare'),
      instance: number,
      digest: runningDigest,
      own: fc.option(runningDigests),
      ...heading,
    }),
    fc.record({ type: is('compared'), instance: number, digests: runningDigests, ...heading }),
    fc.record({ type: is('difference.noticed'), instance: number, own: runningDigests }),
    fc.record({
      type: is('exposure'),
      node: fc.constantFrom(0, 1),
      directory: fc.constantFrom('founder-0', 'founder-1'),
      one: fc.constant(copiedBoots.one),
      other: fc.constant(copiedBoots.other),
      ...heading,
    }),
    fc.record({ type: is('exposure.wanted'), to: fc.array(sender), exposures: fc.constant([]) }),
    fc.record({ type: is('members.changed'), members: memberLists }),
  ),
  client: fc.oneof(
    fc.record({
      type: is('request.submitted'),
      // `numbered` sets the seqs.
      requests: fc.array(
        fc.record({ seq: fc.constant(0), command: commands, commandBytes: fc.constantFrom(10, 40_000) }),
        { minLength: 1, maxLength: 3 },
      ),
      servers: fc.constant(3),
      atMs,
    }),
    fc.record({ type: is('queued'), uid, seqs, server: asked, atMs }),
    fc.record({
      type: is('busy'),
      uid,
      seqs,
      reason: fc.constantFrom('busy', 'notMember', 'stopping', 'noSpace'),
      server: asked,
      atMs,
    }),
    fc.record({
      type: is('response'),
      uid,
      answers: seqs.map((list) => list.map((seq) => ({ seq, outcome: null }))),
      server: asked,
      atMs,
    }),
    fc.record({ type: is('give.up'), seqs }),
  ) as unknown as fc.Arbitrary<RoleEvent>,
  lease: fc.oneof(
    fc.record({ type: is('need.began'), atMs }),
    fc.record({ type: is('clock.read'), atMs, isNeeded: fc.boolean() }),
    fc.record({ type: is('touch.answered'), sentAtMs: atMs, atMs, isRevoked: fc.boolean() }),
    fc.record({ type: is('session.ended') }),
  ) as unknown as fc.Arbitrary<RoleEvent>,
}

const inputs: Readonly<Record<string, unknown>> = {
  ...roleInputs(
    {
      self: 0,
      incarnation: 'founder-0',
      members: members(3),
      promised: { round: 1, node: 1 },
      accepted: [record(1, { round: 1, node: 1 }, 'a')],
      firstUnchosen: 1,
      snapshot: null,
      requestsSince: 0,
      dueInMs: null,
    },
    {
      timing: defaultTiming,
      limits: { ...defaultLimits, acceptedWindow: 2, queueRequests: 4 },
      randomSeed: 3,
    },
  ),
  client: { timing: defaultClientTiming, randomSeed: 3, uid: 'a', server: 0, firstSeq: 1 },
  lease: { ttlMs: 3_000, provenAtMs: 0 },
}

/** What the learner of a node knows never decreases. */
function isKnown({ context }: Role<unknown>, firstUnchosen: number): boolean {
  return firstUnchosen < (context as { readonly firstUnchosen: number }).firstUnchosen
}

/** `null` lets the oldest delay pass. Every event keeps the invariants of the context: the role throws when one does not. */
function live(
  name: string,
  machine: AnyStateMachine,
  events: readonly (RoleEvent | null)[],
  after: (role: Role<unknown>) => void,
): Want[] {
  const role = new Role<unknown>(machine, inputs[name])
  const wants = [...role.began]
  for (const event of events) {
    const [delay] = role.timers
    if (event === null && delay === undefined) continue
    if (event?.type === 'firstUnchosen.advanced' && isKnown(role, event.firstUnchosen)) continue
    wants.push(...(event === null ? role.pass(delay ?? '') : role.hear(event)))
    after(role)
  }
  return wants
}

describe.each(
  charts.filter(([name]) => name !== 'node'),
)('any event that the %s receives', (name, machine) => {
  // As they come out of a decoder: fast-check makes objects without a prototype.
  const events = fc
    .array(fc.option(happenings[name] ?? fc.constant(null), { freq: 6 }), { maxLength: 30 })
    .map((list) => numbered(JSON.parse(JSON.stringify(list)) as (RoleEvent | null)[]))

  test('its context is plain JSON', () => {
    fc.assert(
      fc.property(events, (events) => {
        live(name, machine, events, ({ context }) => {
          expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context)
        })
      }),
      { numRuns: 150 },
    )
  })

  test('what it wants is plain JSON too, and the same each time', () => {
    fc.assert(
      fc.property(events, (events) => {
        const wants = live(name, machine, events, () => undefined)
        expect(JSON.parse(JSON.stringify(wants))).toStrictEqual(wants)
        expect(live(name, machine, events, () => undefined)).toEqual(wants)
      }),
      { numRuns: 50 },
    )
  })
})

test.each([
  ['node.failed', { type: 'node.failed', reason: 'the disk is gone' } as const],
  ['node.stopping', { type: 'node.stopping' } as const],
])('the context of a node is plain JSON: %s', (_, event) => {
  const node = createActor(nodeMachine)
  node.start()
  node.send({
    type: 'node.recovered',
    inputs: roleInputs(
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
    ),
  })
  node.send(event)
  const { context } = node.getSnapshot()
  expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context)
  node.stop()
})
