/** The time that a batch brings to the replicated clock: measured, never counted twice, and bounded in what is remembered. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../machines/batch.ts'
import { maxElapsedMs } from '../../machines/limits.ts'
import {
  beginElapsed,
  type Elapsed,
  mostSights,
  withExecution,
  withSight,
  withStamp,
} from '../../src/core/elapsed.ts'
import { fastestRate, ReplicatedClock } from '../../src/verify/replicated-clock.ts'
import { batchOf } from '../support/batches.ts'
import { executed, execution } from '../support/facts.ts'
import { batch, request } from '../support/role.ts'

const hourMs = 3_600_000

/** What a batch that is proposed at `nowMs` brings. */
function brings(elapsed: Elapsed, nowMs: number): number {
  return withStamp(elapsed, batch('next'), nowMs).batch.elapsedMs
}

/** A server that executed the instances below 7, and saw what was chosen there at 1,000. */
const at1000 = withExecution(beginElapsed(0), 6, batch('six', 1), 1_000)

describe('a batch brings the time', () => {
  test('since the one below was first seen, however late it was executed', () => {
    const seen = withSight(at1000, 7, batch('chosen', 1), 1_500)
    const executed = withExecution(seen, 7, batch('chosen', 1), 9_000)
    expect(brings(executed, 10_000)).toBe(8_500)
  })

  test('since it was executed, where it was not seen before', () => {
    expect(brings(withExecution(at1000, 7, batch('chosen', 1), 9_000), 10_000)).toBe(1_000)
  })

  test('not since another batch was seen at that instance: the chosen one may have been proposed hours later', () => {
    const lost = withSight(at1000, 7, batch('lost', 2), 1_500)
    const seen = withSight(lost, 7, batch('chosen', 1), 2 * hourMs)
    expect(brings(withExecution(seen, 7, batch('chosen', 1), 2 * hourMs), 2 * hourMs + 5)).toBe(5)
  })

  test.each([
    ['of another server', { ...batch('chosen'), node: 1 }],
    ['with another time', { ...batch('chosen'), elapsedMs: 1_001 }],
    ['with another request', batchOf(0, [request('chosen', 2)])],
    ['with one request more in the group', batchOf(0, [request('chosen', 1), request('chosen', 2)])],
    ['with the request of another session', batchOf(0, [request('other', 1)])],
    ['with one group more', batchOf(0, [request('chosen', 1), request('b', 1)])],
  ])('not since a batch %s was seen', (_, other) => {
    const seen = withSight(at1000, 7, other, 1_500)
    expect(brings(withExecution(seen, 7, batch('chosen'), 4_000), 4_000)).toBe(0)
  })

  test('since the first of several sights', () => {
    const first = withSight(at1000, 7, batch('chosen', 1), 1_500)
    const again = withSight(first, 7, batch('chosen', 1), 3_000)
    expect(again).toBe(first)
    expect(brings(withExecution(again, 7, batch('chosen', 1), 3_000), 4_000)).toBe(2_500)
  })

  test('since the server started, where what it had stored is all that was chosen', () => {
    expect(brings(beginElapsed(250.5), 1_000)).toBe(749)
  })

  test('never less than none, should a clock go back, and never more than the limit', () => {
    expect(brings(at1000, 900)).toBe(0)
    expect(brings(at1000, 1_000 + 2 * maxElapsedMs)).toBe(maxElapsedMs)
  })
})

test('a server that leads loses no time, however short the time between its batches', () => {
  let elapsed = beginElapsed(0)
  let clockMs = 0
  for (let instance = 0; instance < 10_000; instance += 1) {
    const nowMs = instance * 0.37
    const stamped = withStamp(elapsed, batch(`${instance}`), nowMs)
    clockMs += stamped.batch.elapsedMs
    elapsed = withSight(stamped.elapsed, instance, stamped.batch, nowMs)
    elapsed = withExecution(elapsed, instance, stamped.batch, nowMs + 0.3)
  }
  expect(clockMs).toBe(Math.floor(9_999 * 0.37))
})

test('servers that take turns add no time by rounding', () => {
  // Each sees a batch just before its clock shows a new millisecond, and proposes just after.
  const turns = [
    { at: 0.05, seenAt: 0.8, phase: 0 },
    { at: 0.9, seenAt: 0.95, phase: 0.15 },
  ]
  let servers = turns.map(({ phase }) => beginElapsed(phase))
  let clockMs = 0
  for (let instance = 0; instance < 1_000; instance += 1) {
    const [beginMs, turn] = [Math.floor(instance / 2), instance % 2]
    const { at, seenAt, phase } = turns[turn]!
    const { elapsed, batch: stamped } = withStamp(servers[turn]!, batch(`${instance}`), beginMs + at + phase)
    clockMs += stamped.elapsedMs
    servers = [elapsed, servers[1 - turn]!].map((before, place) =>
      withExecution(
        before,
        instance,
        stamped,
        beginMs + seenAt + turns[place === 0 ? turn : 1 - turn]!.phase,
      ),
    )
    if (turn === 1) servers.reverse()
  }
  expect(clockMs).toBeLessThanOrEqual(500)
})

describe('what is remembered is bounded', () => {
  function flooded(instance: number): Elapsed {
    let elapsed = at1000
    for (let count = 0; count < 10 * mostSights; count += 1) {
      elapsed = withSight(elapsed, instance, batch(`flood ${count}`, 2), 1_100)
    }
    expect(elapsed.sights).toHaveLength(mostSights)
    return elapsed
  }

  test('batches at later instances push out nothing that is needed sooner', () => {
    const seen = withSight(flooded(900), 7, batch('chosen', 1), 1_500)
    expect(seen.sights).toHaveLength(mostSights)
    expect(brings(withExecution(seen, 7, batch('chosen', 1), 3_000), 4_000)).toBe(2_500)
  })

  test('many batches at one instance cost time, and add none', () => {
    const seen = withSight(flooded(7), 7, batch('chosen', 1), 1_500)
    expect(brings(withExecution(seen, 7, batch('chosen', 1), 3_000), 4_000)).toBe(1_000)
  })

  test('what was executed is forgotten', () => {
    expect(withExecution(flooded(7), 7, batch('chosen', 1), 3_000).sights).toEqual([])
  })
})

/** One server: its clock, and how far it is. */
interface Server {
  readonly rate: number
  readonly beginsAt: number
  elapsed: Elapsed
  executed: number
}

/** What happens next, after a while. */
const happenings = fc.record({
  afterMs: fc.oneof(fc.double({ min: 0, max: 3, noNaN: true }), fc.integer({ min: 0, max: 10_000 })),
  server: fc.nat(2),
  what: fc.constantFrom(
    'propose' as const,
    'propose' as const,
    'see' as const,
    'choose' as const,
    'restart' as const,
  ),
  which: fc.nat(5),
})

test('no time is counted twice in any order of proposals, sights and choices', () => {
  const rates = fc.array(fc.double({ min: 0.95, max: fastestRate, noNaN: true }), {
    minLength: 3,
    maxLength: 3,
  })
  fc.assert(
    fc.property(rates, fc.array(happenings, { maxLength: 120 }), (rates, all) => {
      const servers = rates.map(
        (rate): Server => ({ rate, beginsAt: 0, elapsed: beginElapsed(0), executed: 0 }),
      )
      const judge = new ReplicatedClock()
      const chosen: Batch[] = []
      let proposed: Batch[] = []
      let nowMs = 0
      for (const { afterMs, server, what, which } of all) {
        nowMs += afterMs
        const at = servers[server]!
        const localMs = (nowMs - at.beginsAt) * at.rate
        // A proposer has executed all that is chosen, in order.
        if (what === 'propose' || what === 'choose') {
          for (; at.executed < chosen.length; at.executed += 1) {
            at.elapsed = withExecution(at.elapsed, at.executed, chosen[at.executed]!, localMs)
          }
        }
        const known = proposed[which % proposed.length]
        if (what === 'propose') {
          // Of few names, so that one batch is proposed again.
          const offered = batchOf(server, [request(`r${which % 2}`, 1)], { elapsedMs: 0 })
          const stamped = withStamp(at.elapsed, offered, localMs)
          at.elapsed = withSight(stamped.elapsed, chosen.length, stamped.batch, localMs)
          proposed.push(stamped.batch)
          const message = {
            type: 'accept' as const,
            ballot: { round: 1, node: server },
            instance: chosen.length,
            batch: stamped.batch,
          }
          judge.observe({ type: 'said', node: server, to: 0, message }, nowMs, null)
        } else if (what === 'see' && known !== undefined) {
          at.elapsed = withSight(at.elapsed, chosen.length, { ...known }, localMs)
        } else if (what === 'choose' && known !== undefined) {
          const instance = chosen.length
          chosen.push(known)
          proposed = []
          judge.observe(executed(server, known, execution(instance)), nowMs, null)
        } else if (what === 'restart') {
          servers[server] = { ...at, beginsAt: nowMs, elapsed: beginElapsed(0), executed: at.executed }
        }
      }
      const clockMs = chosen.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)
      expect(clockMs).toBeLessThanOrEqual(nowMs * fastestRate)
    }),
    { numRuns: 2_000 },
  )
})
