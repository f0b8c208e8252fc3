import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Batch,
  type Command,
  type MembershipChange,
  type NamedRequest,
  requestsOf,
} from '../../machines/batch.ts'
import type { Execution, RequestOutcome } from '../../machines/outcome.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Replica } from '../../src/services/replica.ts'
import { batchOf } from '../support/batches.ts'
import { body, cancel, hourMs, lock, newReplica, recalled, restored, unlock } from './driver.ts'

const names = ['x', 'y']
const name = fc.constantFrom(...names)
const token = fc.integer({ min: 1, max: 12 })
const change: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc.record({ action: fc.constant('add' as const), id: fc.nat(4), address: fc.constantFrom('h:1', 'h:2') }),
  fc.record({
    action: fc.constant('admit' as const),
    id: fc.nat(4),
    address: fc.constantFrom('h:1', 'h:2'),
    incarnation: fc.constantFrom('p', 'q'),
  }),
  fc.record({ action: fc.constant('remove' as const), id: fc.nat(4) }),
  fc.record({
    action: fc.constant('move' as const),
    servers: fc.array(fc.record({ id: fc.nat(4), address: fc.constantFrom('h:1', 'h:2') }), {
      minLength: 1,
      maxLength: 2,
    }),
  }),
)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: name.map(lock) },
  { weight: 4, arbitrary: name.map(unlock) },
  {
    weight: 2,
    arbitrary: fc.tuple(name, token).map(([name, token]) => body({ action: 'unlock', name, token })),
  },
  { weight: 2, arbitrary: fc.nat(8).map(cancel) },
  { weight: 1, arbitrary: change.map((change) => ({ kind: 'members' as const, change })) },
  { weight: 1, arbitrary: fc.constant(body('malformed')) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Command>(
      { kind: 'open', ttlMs: hourMs },
      { kind: 'touch' },
      { kind: 'end', session: '2.0' },
      { kind: 'sessions' },
    ),
  },
)
/** Opens the session `n@2.0` at the beginning of the batch of instance 2. */
const opening: NamedRequest = {
  uid: 'n',
  seq: 1,
  ackedBelow: 0,
  command: { kind: 'open', ttlMs: 4 * hourMs },
}
/** Few uids and few seqs, so that repetitions, conflicts and late retries are many. */
const request = fc.record({
  uid: fc.constantFrom('a@0', 'b@0', 'n@2.0', 'n'),
  seq: fc.integer({ min: 1, max: 8 }),
  ackedBelow: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) }),
  command,
})
const batch = fc.record({
  node: fc.nat(2),
  elapsedMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 3 * hourMs })),
  requests: fc.array(request, { maxLength: 4 }),
  heldBy: fc.nat(2),
})
/** Nobody asks for `n@2.0` before it is opened. */
const batches: fc.Arbitrary<Batch[]> = fc
  .array(batch, { maxLength: 14 })
  .map((all) =>
    all.map(({ node, requests, ...rest }, instance) =>
      batchOf(
        node,
        [
          ...(instance === 2 ? [opening] : []),
          ...requests.filter(({ uid }) => uid !== 'n@2.0' || instance >= 3),
        ],
        rest,
      ),
    ),
  )
const runs = { numRuns: 400 }

/** The session `n@2.0` ends exactly at its deadline, and is then named by an `open`, which no request of a session may be. */
const endedOnTime: Batch[] = [0, 0, 0, 6_637_807, 7_762_193].map((elapsedMs, instance) =>
  batchOf(0, instance === 2 ? [opening] : [], { elapsedMs }),
)
const openInEnded: NamedRequest = {
  uid: 'n@2.0',
  seq: 1,
  ackedBelow: 0,
  command: { kind: 'open', ttlMs: hourMs },
}

function history(replica: Replica, given: readonly Batch[]): Execution[] {
  return given.map((batch) => replica.execute(replica.firstUnexecuted, batch))
}

/** What the service executed, in order, each once. */
function executedCommands(given: readonly Batch[], executions: readonly Execution[]) {
  const seen = new Set<string>()
  return executions.flatMap(({ instance, outcomes }) => {
    const batch = given[instance]
    const requests = batch === undefined ? [] : requestsOf(batch)
    return outcomes.flatMap(({ outcome }) => {
      if (outcome.kind !== 'executed' || outcome.instance !== instance) return []
      if (seen.has(`${instance}.${outcome.index}`)) return []
      seen.add(`${instance}.${outcome.index}`)
      const command = requests[outcome.index]?.command
      const uid = requests[outcome.index]?.uid ?? ''
      return command?.kind === 'service' ? [{ uid, command: lockService.parse(command.body), outcome }] : []
    })
  })
}

/**
 * The names that a touch and another request share. A session keeps the outcome of its last touch alone, so it cannot refuse the other
 * request; no client gives two requests one name.
 */
function namesOfTouchesAndOthers(given: readonly Batch[]): ReadonlySet<string> {
  const requests = given.flatMap(requestsOf)
  const nameOf = ({ seq, uid }: NamedRequest) => `${seq}:${uid}`
  const touches = new Set(requests.filter(({ command }) => command.kind === 'touch').map(nameOf))
  return new Set(
    requests
      .filter(({ command }) => command.kind !== 'touch')
      .map(nameOf)
      .filter((name) => touches.has(name)),
  )
}

function ended({ outcome }: RequestOutcome): boolean {
  return outcome.kind === 'executed' || outcome.kind === 'failed' || outcome.kind === 'cancelled'
}

/** The same JSON with the fields of every object the other way round. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reordered(inner)]),
  )
}

describe('any chosen batches', () => {
  test('two replicas say the same and are equal, though one is restored on its way and its JSON is ordered otherwise', () => {
    fc.assert(
      fc.property(batches, fc.nat(14), (given, restoreAt) => {
        const one = newReplica()
        let other = newReplica()
        given.forEach((batch, instance) => {
          if (instance === restoreAt) other = restored(other)
          expect(other.execute(instance, reordered(batch) as Batch)).toEqual(one.execute(instance, batch))
          expect(other.digest()).toBe(one.digest())
        })
      }),
      runs,
    )
  })

  test('a lock has one holder, and its tokens only grow', () => {
    fc.assert(
      fc.property(batches, (given) => {
        /** The sessions that hold locks, by name. */
        const held = new Map<string, string>()
        const tokens = new Set<number>()
        const executions = history(newReplica(), given)
        const endedAt = new Map(
          executions.flatMap(({ instance, endedSessions }) => endedSessions.map((uid) => [uid, instance])),
        )
        for (const { uid, command, outcome } of executedCommands(given, executions)) {
          if (command.action !== 'lock' && command.action !== 'unlock') continue
          const { name = '' } = command
          const result = outcome.result as { readonly token?: number; readonly freed?: boolean }
          if (result.token !== undefined) {
            const holder = held.get(name)
            const isFree = holder === undefined || (endedAt.get(holder) ?? Infinity) <= outcome.instance
            expect(isFree, `${name} is free`).toBe(true)
            expect(tokens.has(result.token), 'the token is new').toBe(false)
            held.set(name, uid)
            tokens.add(result.token)
          } else if (result.freed) expect(held.delete(name), `${name} was held`).toBe(true)
        }
      }),
      runs,
    )
  })

  test('each (uid, seq) of a client with a session ends once, and is told the same ever after', () => {
    fc.assert(
      fc.property(batches, (given) => {
        const ends = new Map<string, RequestOutcome['outcome']>()
        const ambiguous = namesOfTouchesAndOthers(given)
        for (const { outcomes } of history(newReplica(), given)) {
          for (const outcome of outcomes) {
            const id = `${outcome.seq}:${outcome.uid}`
            if (outcome.uid === 'n' || !ended(outcome) || ambiguous.has(id)) continue
            expect(outcome.outcome).toEqual(ends.get(id) ?? outcome.outcome)
            ends.set(id, outcome.outcome)
          }
        }
      }),
      runs,
    )
  })

  test('what is recalled is what a retry would be told, and recalling changes nothing', () => {
    fc.assert(
      fc.property(batches, request, (given, retry) => {
        const replica = newReplica()
        history(replica, given)
        const digest = replica.digest()
        const known = recalled(replica, retry.uid, retry.seq, retry.command)
        expect(replica.digest()).toBe(digest)
        const instance = replica.firstUnexecuted
        const { outcomes } = replica.execute(
          instance,
          batchOf(0, [{ ...retry, ackedBelow: 0 }], { elapsedMs: 0 }),
        )
        if (known !== null) expect(outcomes).toEqual([{ uid: retry.uid, seq: retry.seq, outcome: known }])
        else if (retry.uid !== 'n' && (retry.uid !== 'n@2.0' || given.length > 2)) {
          expect(outcomes[0]?.outcome).not.toMatchObject({ kind: 'refused' })
        }
      }),
      { ...runs, examples: [[endedOnTime, openInEnded]] },
    )
  })

  test('what waits is what was delayed and has not ended; who waits for what is freed is told', () => {
    fc.assert(
      fc.property(batches, (given) => {
        const replica = newReplica()
        const waiting = new Map<string, { readonly node: number; readonly key: string | null }>()
        for (const batch of given) {
          const execution = replica.execute(replica.firstUnexecuted, batch)
          const holder = batch.groups[0]?.heldBy ?? batch.node
          for (const { uid, seq, outcome } of execution.outcomes) {
            const id = `${seq}:${uid}`
            if (outcome.kind === 'delayed') waiting.set(id, { node: holder, key: outcome.key })
            else if (outcome.kind !== 'refused' || outcome.reason !== 'conflict') waiting.delete(id)
          }
          expect(replica.waitingCount).toBe(waiting.size)
          const present = new Set(replica.members.map(({ id }) => id))
          if (batch.groups.length > 0 && present.has(holder)) expect(execution.concerned).toContain(holder)
          expect(execution.concerned.filter((id) => !present.has(id))).toEqual([])
          for (const { node, key } of waiting.values()) {
            if (key === null || !execution.freed.includes(key)) continue
            if (present.has(node)) expect(execution.concerned).toContain(node)
          }
          for (const key of execution.freed) {
            expect([...waiting.values()].some((other) => other.key === key)).toBe(true)
          }
        }
      }),
      runs,
    )
  })
})

test('the histories that are tried do reach what they are meant to reach', () => {
  const reached = new Set<string>()
  for (const given of fc.sample(batches, { numRuns: 400, seed: 7 })) {
    for (const { instance, outcomes, freed, concerned, members } of history(newReplica(), given)) {
      if (freed.length > 0) reached.add('freed')
      if (concerned.length > 0) reached.add('concerned')
      if (members !== null) reached.add('members changed')
      for (const { outcome } of outcomes) {
        reached.add(outcome.kind === 'refused' ? outcome.reason : outcome.kind)
        if ('instance' in outcome && outcome.instance !== instance) reached.add('repeated')
      }
    }
  }
  expect([...reached].sort()).toEqual([
    'cancelled',
    'concerned',
    'conflict',
    'delayed',
    'executed',
    'expired',
    'failed',
    'freed',
    'members changed',
    'repeated',
    'stale',
  ])
})
