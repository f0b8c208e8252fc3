/** Sessions of the lock service beside a simple model: when each ends, and what happens to the lock that it holds or waits for. */
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Command, NamedRequest } from '../../machines/batch.ts'
import { publicId } from '../../src/core/names.ts'
import { lockService } from '../../src/services/lock.ts'
import type { QueryResult } from '../../src/services/lock-commands.ts'
import type { Service } from '../../src/services/service.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import { ask, body, lock, opened, run, testSessions, threeMembers } from './driver.ts'

const ttlMs = 100
const sessionCount = 4

/** Each batch first advances the clock, and then has one request of the session, or of an operator. */
export const sessionSteps = fc.array(
  fc.record({
    elapsedMs: fc.nat(60),
    session: fc.nat(sessionCount - 1),
    /** `again`: the request that waits for the lock is proposed again. `revoke`: an operator ends the session. */
    does: fc.constantFrom('touch', 'touch', 'lock', 'again', 'again', 'revoke', 'nothing'),
  }),
  { maxLength: 40, size: 'max' },
)

type SessionSteps = typeof sessionSteps extends fc.Arbitrary<infer Steps> ? Steps : never

interface Modelled {
  readonly uid: string
  deadlineMs: number
  isRevoked: boolean
  nextSeq: number
  /** The seq of its request for the lock; `null` when it has not asked. */
  lockSeq: number | null
  /** It was told that it has the lock. */
  hasCollected: boolean
}

export const sessionReplicas = replicasOf({
  service: lockService as Service,
  members: threeMembers,
  sessions: testSessions,
})

/** Throws where a replica does otherwise than the model. */
export function runSessions(steps: SessionSteps, replicas = sessionReplicas): void {
  const replica = replicas.initial()
  const sessions = Array.from(
    { length: sessionCount },
    (_, place): Modelled => ({
      ...{ uid: opened(replica, `s${place}`, ttlMs), deadlineMs: ttlMs, isRevoked: false },
      ...{ nextSeq: 1, lockSeq: null, hasCollected: false },
    }),
  )
  let live = sessions
  /** The holder of the lock, and those that wait. */
  let line: Modelled[] = []
  let operations = 0

  const requestOf = (one: Modelled, does: SessionSteps[number]['does']): NamedRequest | null => {
    switch (does) {
      case 'touch':
        return ask(one.uid, one.nextSeq++, { kind: 'touch' })
      case 'lock':
        if (one.lockSeq !== null) return null
        one.lockSeq = one.nextSeq++
        return ask(one.uid, one.lockSeq, lock('x'))
      case 'again':
        return one.lockSeq === null || one.hasCollected ? null : ask(one.uid, one.lockSeq, lock('x'))
      case 'revoke':
        return asOperator({ kind: 'end', session: publicId(one.uid) })
      case 'nothing':
        return null
    }
  }
  const asOperator = (command: Command) => {
    operations += 1
    return ask('z@0', operations, command)
  }

  for (const { elapsedMs, session, does } of steps) {
    const one = sessions[session]
    if (one === undefined) throw new Error(`there is no session ${session}`)
    const clockMs = replica.clockMs + elapsedMs
    const ended = live.filter(({ deadlineMs }) => deadlineMs <= clockMs)
    live = live.filter((other) => !ended.includes(other))
    line = line.filter((other) => !ended.includes(other))

    const isNew = does === 'touch' || (does === 'lock' && one.lockSeq === null)
    const request = requestOf(one, does)
    if (live.includes(one)) {
      if (isNew && !one.isRevoked) one.deadlineMs = clockMs + ttlMs
      if (does === 'lock' && isNew) line.push(one)
      if (does === 'revoke') one.isRevoked = true
      if ((does === 'lock' || does === 'again') && line[0] === one) one.hasCollected = true
    }
    const { endedSessions, deadlineMs } = run(replica, request === null ? [] : [request], { clockMs })
    expect([...endedSessions].sort(), 'the sessions that end').toEqual(ended.map(({ uid }) => uid).sort())
    expect(deadlineMs, 'the next deadline').toBe(
      line.length === 0 ? null : Math.min(...line.map((other) => other.deadlineMs)),
    )
    expect(lockOf(replica, asOperator), 'holders and waiters').toEqual(
      line.length === 0 ? [] : [{ held: 1, waiting: line.length - 1 }],
    )
  }
}

function lockOf(replica: Parameters<typeof run>[0], asOperator: (command: Command) => NamedRequest) {
  const [answer] = run(replica, [asOperator(body({ action: 'query', name: 'x' }))]).outcomes
  const { locks } = (answer?.outcome as unknown as { readonly result: QueryResult }).result
  return locks.map(({ held, waiting }) => ({ held, waiting }))
}
