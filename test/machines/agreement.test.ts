/**
 * Schedules in which a proposer learns that a rival's batch was chosen where it still proposes its own. What it says next
 * must not let anybody take the loser for the chosen one. Whole servers; the test decides which message arrives.
 */
import { expect, test } from 'vitest'
import { acceptorMachine } from '../../machines/acceptor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { Instance, NodeId } from '../../machines/batch.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { defaultTiming } from '../../machines/timing.ts'
import type { ReplicatedState } from '../../src/core/replicated-state.ts'
import { clusterSettings } from '../../src/schedule/cluster.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import type { Replicas } from '../../src/stepped/settings.ts'
import { ballot, batch, members, Role, said, sentBy } from '../support/role.ts'
import { Schedule } from '../support/schedule.ts'

/** Replicas that say of each execution that these servers are concerned too, whether they are or not. */
function concerning(replicas: Replicas, concerned: readonly NodeId[]): Replicas {
  const changed = (replica: ReplicatedState): ReplicatedState => ({
    get members() {
      return replica.members
    },
    get firstUnexecuted() {
      return replica.firstUnexecuted
    },
    get deadlineMs() {
      return replica.deadlineMs
    },
    get clockMs() {
      return replica.clockMs
    },
    get runningDigest() {
      return replica.runningDigest
    },
    set runningDigest(digest) {
      replica.runningDigest = digest
    },
    execute: (instance, batch) => {
      const execution = replica.execute(instance, batch)
      return { ...execution, concerned: [...new Set([...execution.concerned, ...concerned])].sort() }
    },
    recall: (...request) => replica.recall(...request),
    read: (body) => replica.read(body),
    snapshot: () => replica.snapshot(),
    digest: () => replica.digest(),
    capture: () => replica.capture(),
    installation: () => replica.installation(),
  })
  return {
    initial: () => changed(replicas.initial()),
    restore: (bytes) => changed(replicas.restore(bytes)),
  }
}

function cluster(servers: number, concerned: readonly NodeId[]): Schedule {
  const { replicas } = clusterSettings(servers)
  return new Schedule(servers, lockService as Service, { replicas: concerning(replicas, concerned) })
}

/** The server hands its request over, hears nothing of the leader for too long, and prepares. */
function compete(schedule: Schedule, server: NodeId): void {
  while (schedule.stateOf(server, 'requestQueue') === 'handedOver') {
    schedule.pass(server, 'requestQueue', 'handOverInterval')
  }
}

/** Server 0 is told that an instance is settled, and learns from server 1 what was chosen there. */
function learnFromRival(schedule: Schedule): void {
  expect(schedule.deliver('settled', 1, 0)).toBe(1)
  schedule.pass(0, 'learner', 'grace')
  schedule.exchange(0, [1], 'learn', 'chosen')
}

test('a proposer never tells those concerned of its own batch where a rival’s was chosen', () => {
  const schedule = cluster(3, [0, 2])
  schedule.ask('loser', 0)
  schedule.exchange(0, [1], 'prepare', 'promise')
  // Server 0 has accepted its own batch; its accepts to the others are late.
  schedule.ask('winner', 1)
  compete(schedule, 1)
  schedule.exchange(1, [2], 'prepare', 'promise')
  schedule.exchange(1, [2], 'accept', 'accepted')
  learnFromRival(schedule)
  expect(schedule.executedAt(0)).toEqual({ 0: 'winner', 1: 'winner' })
  expect(schedule.deliver('settled', 0, 2)).toBe(0)
  expect(schedule.executedAt(0)).not.toMatchObject({ 2: 'loser' })
})

test('a proposer whose batch lost says no accept at its old ballot: it would imply that the loser was chosen', () => {
  const schedule = cluster(5, [0])
  schedule.ask('loser', 0)
  schedule.exchange(0, [1, 2], 'prepare', 'promise')
  // Servers 0 and 4 accept the loser; a quorum of the others chooses the winner at a higher ballot.
  schedule.exchange(0, [4], 'accept', 'accepted')
  schedule.ask('winner', 1)
  compete(schedule, 1)
  schedule.exchange(1, [2, 3], 'prepare', 'promise')
  schedule.exchange(1, [2, 3], 'accept', 'accepted')
  learnFromRival(schedule)
  expect(schedule.executedAt(0)).toEqual({ 0: 'winner', 1: 'winner' })
  // Server 0 still has its request to propose, at the next instance.
  schedule.deliver('accept', 0, 4)
  expect(schedule.executedAt(0)).not.toMatchObject({ 4: 'loser' })
})

test('a promise to the prepare before a restart says nothing of the instances below it', () => {
  const acceptor = (self: NodeId, promised: Ballot | null) =>
    new Role(acceptorMachine, {
      self,
      incarnation: foundingIncarnation(self),
      members: members(3),
      limits: defaultLimits,
      promised,
      accepted: [],
      firstUnchosen: 0,
    })
  const proposer = (firstUnexecuted: Instance) =>
    new Role(proposerMachine, {
      self: 0,
      incarnation: foundingIncarnation(0),
      members: members(3),
      timing: defaultTiming,
      randomSeed: 1,
      promised: ballot(1, 2),
      firstUnexecuted,
    })
  const prepares = (from: Instance) =>
    ({ type: 'prepare', ballot: ballot(2, 0), from, ...sentBy(0) }) as const
  // Server 1 has helped to choose a batch at instance 0, of which server 0 has learned, though not durably.
  const other = acceptor(1, null)
  other.hear(
    { type: 'accept', ...sentBy(2), ballot: ballot(1, 2), instance: 0, batch: batch('chosen') },
    { type: 'persisted' },
  )
  const late = said(other.hear(prepares(1), { type: 'persisted' })).at(-1)
  expect(late).toMatchObject({ message: { type: 'promise', from: 1, accepted: [] } })
  // Server 0 starts again from its disk, where nothing is chosen, and uses the same ballot.
  const again = proposer(0)
  again.hear({ type: 'requests.ready' })
  const promise = { type: 'promise', ballot: ballot(2, 0), accepted: [] } as const
  again.hear(
    { ...promise, from: 0, firstUnchosen: 0, ...sentBy(0) },
    { ...promise, from: 1, firstUnchosen: 0, ...sentBy(1) },
  )
  expect(again.state).toBe('preparing')
})
