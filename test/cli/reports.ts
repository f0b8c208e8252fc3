/** What servers say of themselves, as `paxos status` reads it. */
import type { Json } from '../../machines/batch.ts'

/** Of server `id`, one of three counted members. */
export function reportFrom(id: number, changes: { readonly [key: string]: Json } = {}): Json {
  return {
    id,
    address: `a:${id + 1}`,
    cluster: 'c',
    pid: 7,
    state: 'running',
    counted: true,
    roles: { acceptor: 'listening', proposer: 'idle', learner: 'following', requestQueue: 'empty' },
    ballot: null,
    firstUnchosen: 4,
    clockMs: 0,
    deadlineMs: null,
    sessions: 0,
    queue: { length: 0, delayed: 0 },
    members: [0, 1, 2].map((member) => ({ id: member, address: `a:${member + 1}`, counted: true })),
    ...changes,
  }
}
