/** Faults of snapshots: something is not in them, or is drawn too late. */
import { replicatedLimits } from '../../machines/limits.ts'
import type { Capture } from '../../src/core/replicated-state.ts'
import {
  contentsIn,
  type ReplicaContents,
  type SessionContents,
  snapshotOf,
} from '../support/replica-contents.ts'
import { faultyReplicas, type Mutation } from './mutation.ts'
import { always, Passing } from './replica-faults.ts'

/** A replica that is restored from a snapshot does not get what `forget` takes away. */
function forgets(what: string, forget: (contents: ReplicaContents) => Partial<ReplicaContents>): Mutation {
  return faultyReplicas(`a snapshot forgets ${what}`, (usual) => ({
    ...usual,
    restore: (bytes) => {
      const contents = contentsIn(bytes)
      return usual.restore(snapshotOf({ ...contents, ...forget(contents) }))
    },
  }))
}

function forgetsOfSessions(what: string, forgotten: Partial<SessionContents>): Mutation {
  return forgets(what, ({ sessions }) => ({
    sessions: sessions.map((session) => ({ ...session, ...forgotten })),
  }))
}

/** A capture that is begun only when its first slice is asked for. */
class CapturesLate extends Passing {
  override capture(): Capture {
    const begin = () => this.inner.capture()
    let capture: Capture | null = null
    return {
      instance: this.firstUnexecuted,
      next(mostBytes) {
        capture ??= begin()
        return capture.next(mostBytes)
      },
      end: () => capture?.end(),
    }
  }
}

export const snapshotFaults: readonly Mutation[] = [
  forgets('the sessions', () => ({ sessions: [] })),
  forgetsOfSessions('the outcomes of requests', { ended: [] }),
  forgetsOfSessions('the requests that wait', { waiting: [] }),
  forgetsOfSessions('which sessions are revoked', { isRevoked: false }),
  forgetsOfSessions('for which sessions something is kept', { isKept: false }),
  forgetsOfSessions('what was acknowledged', { ackedBelow: 0 }),
  forgetsOfSessions('the last touch', { touchedSeq: 0 }),
  forgetsOfSessions('that it forgot outcomes', { forgottenBelow: 0 }),
  forgetsOfSessions('for how long clients of plain text were idle', { lastClockMs: 0 }),
  forgets('the ends of sessions', ({ sessions, clockMs }) => ({
    sessions: sessions.map((session) =>
      session.ttlMs === null ? session : { ...session, deadlineMs: clockMs + session.ttlMs },
    ),
  })),
  forgets('the quota', () => ({ quotaBytes: replicatedLimits.quotaBytes })),
  forgets('the version of the service', () => ({ serviceVersion: 1 })),
  forgets('a part of the size that the quota bounds', ({ serviceBytes }) => ({
    serviceBytes: Math.ceil(serviceBytes / 2),
  })),
  forgets('the timers', () => ({ timers: [] })),
  forgets('the clock', () => ({ clockMs: 0 })),
  forgets('changes of the members', ({ members }) => ({
    members: [0, 1, 2].map((id) => ({
      ...{ id, address: `127.0.0.1:${29367 + id}` },
      incarnation: members.find((member) => member.id === id)?.incarnation ?? null,
    })),
  })),
  forgets('the last row of the service', ({ rows }) => ({
    rows: rows.length < 4 ? rows : rows.slice(0, -1),
  })),
  always('draws a capture from a later state', (usual, inner) => new CapturesLate(usual, inner)),
]
