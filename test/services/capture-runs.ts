/** Histories of a replica, and what must hold of pictures of it: for the property tests and for deliberate faults. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Batch, Command, Json, NamedRequest } from '../../machines/batch.ts'
import { replicatedLimits } from '../../machines/limits.ts'
import { plainTextUid } from '../../src/core/plain-text-client.ts'
import type { Capture, ReplicatedState } from '../../src/core/replicated-state.ts'
import { compose } from '../../src/services/compose.ts'
import { kvService } from '../../src/services/kv/kv.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import type { Replicas } from '../../src/stepped/settings.ts'
import { batchOf } from '../support/batches.ts'
import { ask, body, threeMembers } from './driver.ts'

/** So little that results, sessions and waiting requests meet each limit. */
export const limits = {
  ...replicatedLimits,
  ...{ sessions: 9, plainTextSessions: 3, waiting: 8, sessionWaiting: 3, sessionResults: 3 },
  ...{ resultBytes: 5_000, deadlines: 2, spareSessions: 3, quotaBytes: 20_000 },
}
/** With two versions, which behave alike. */
export const service = compose({ kv: { ...kvService, version: 2 }, lock: lockService }) as Service
const sessions = ['a@0', 'b@0']
/** The first two open with the batch of instance 0. */
const uids = ['a@0', 'b@0', 'n@0.0', 'm@0.1', 'm@4.0', 'n', 'm']

export function founded(): Replica {
  return new Replica({ service, members: threeMembers, sessions, limits })
}

const key = fc.constantFrom('x', 'y')
export const forLock = (command: Json) => body({ service: 'lock', command })
export const forKv = (command: Json) => body({ service: 'kv', command })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: key.map((name) => forLock({ action: 'lock', name })) },
  { weight: 3, arbitrary: key.map((name) => forLock({ action: 'unlock', name })) },
  { weight: 1, arbitrary: key.map((name) => forLock({ action: 'lock', name, mode: 'shared' })) },
  { weight: 1, arbitrary: key.map((name) => forLock({ action: 'force', name })) },
  {
    weight: 4,
    arbitrary: fc
      .record({
        key: fc.constantFrom('x', 'y', 'z', '__proto__'),
        value: fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>,
        life: fc.constantFrom({}, { ttlMs: 2_000 }, { session: true }),
      })
      .map(({ key, value, life }) => forKv({ action: 'put', key, value, ...life })),
  },
  { weight: 2, arbitrary: key.map((name) => forKv({ action: 'delete', key: name })) },
  { weight: 3, arbitrary: key.map((name) => forKv({ action: 'take', key: name })) },
  { weight: 2, arbitrary: key.map((prefix) => forKv({ action: 'watch', prefix })) },
  { weight: 3, arbitrary: fc.constant<Command>({ kind: 'end', session: '0.0' }) },
  { weight: 2, arbitrary: fc.nat(8).map((seq) => ({ kind: 'cancel' as const, seq })) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<Command>(
      { kind: 'touch' },
      { kind: 'touch' },
      { kind: 'end', session: '0.1', now: true },
      { kind: 'end' },
      { kind: 'sessions' },
      { kind: 'open', ttlMs: 5_000 },
      { kind: 'quota', bytes: 14_000 },
      { kind: 'upgrade', version: 2, supportedBy: [0, 1, 2, 4] },
      { kind: 'members', change: { action: 'remove', id: 2 } },
      { kind: 'members', change: { action: 'admit', id: 4, address: 'h:1', incarnation: 'p' } },
    ),
  },
)
const uid = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...uids) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(3), fc.constantFrom('x', 'y'), fc.constantFrom('p', 'q'))
      .map(([port, name, message]) => plainTextUid(`h:${port}`, name, message)),
  },
)
const request: fc.Arbitrary<NamedRequest> = fc
  .record({
    uid,
    seq: fc.integer({ min: 1, max: 9 }),
    ackedBelow: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
    command,
  })
  .map((given) => (given.command.kind === 'open' ? { ...given, uid: given.uid.slice(0, 1) } : given))
const batch = fc.record({
  node: fc.nat(2),
  heldBy: fc.nat(2),
  elapsedMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 4_000 }) },
    { weight: 1, arbitrary: fc.constant(700_000) },
  ),
  requests: fc.array(request, { maxLength: 5 }),
})
const open = (client: string): NamedRequest => ask(client, 1, { kind: 'open', ttlMs: 6_000 })
export const opening = batchOf(0, [open('n'), open('m')], { elapsedMs: 0 })
export const batches: fc.Arbitrary<Batch[]> = fc
  .array(batch, { minLength: 1, maxLength: 24 })
  .map((all) => [opening, ...all.map(({ node, requests, ...rest }) => batchOf(node, requests, rest))])
/** The sizes of the slices that are drawn after each batch, used again and again. */
export const slices = fc.array(fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 3 }), { minLength: 1 })

export function drawn(capture: Capture, mostBytes = 700): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let slice = capture.next(mostBytes); slice !== null; slice = capture.next(mostBytes)) parts.push(slice)
  return parts
}

export function joined(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString()
}

export const captureReplicas: Replicas = replicasOf({ service, members: threeMembers, sessions, limits })

/** Draws a picture, in slices of `sizes` after each batch, from the batch `beginAt` on. It must be the state of that instance. */
export function runCaptured(
  given: readonly Batch[],
  beginAt: number,
  sizes: readonly (readonly number[])[],
  replica: ReplicatedState,
): void {
  let capture: Capture | null = null
  let whole = ''
  const parts: Uint8Array[] = []
  for (const [instance, batch] of given.entries()) {
    replica.execute(instance, batch)
    if (capture === null && instance >= beginAt) {
      whole = joined([replica.snapshot()])
      capture = replica.capture()
      expect(capture.instance).toBe(instance + 1)
    }
    for (const size of sizes[instance % sizes.length] ?? []) {
      const slice = capture?.next(size) ?? null
      if (slice === null) break
      expect(slice.length).toBeLessThanOrEqual(size)
      parts.push(slice)
    }
  }
  if (capture === null) return
  parts.push(...drawn(capture))
  capture.end()
  expect(joined(parts)).toBe(whole)
  // Another one is not disturbed by what the first one left.
  const again = replica.capture()
  expect(joined(drawn(again))).toBe(joined([replica.snapshot()]))
  again.end()
}

/** Restores a replica after `takenAt` batches. It must go on as one that executed everything. */
export function runRestored(given: readonly Batch[], takenAt: number, { initial, restore }: Replicas): void {
  const one = initial()
  for (const [instance, batch] of given.slice(0, takenAt).entries()) one.execute(instance, batch)
  const other = restore(one.snapshot())
  const numbers = ({ firstUnexecuted, clockMs, deadlineMs }: ReplicatedState) => [
    ...[firstUnexecuted, clockMs, deadlineMs],
  ]
  expect(numbers(other)).toEqual(numbers(one))
  expect(joined([other.snapshot()])).toBe(joined([one.snapshot()]))
  for (const batch of given.slice(takenAt)) {
    expect(other.execute(other.firstUnexecuted, batch)).toEqual(one.execute(one.firstUnexecuted, batch))
    expect(other.digest()).toBe(one.digest())
  }
}
