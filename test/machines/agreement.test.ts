/**
 * Schedules in which a proposer learns that a rival's batch was chosen where it still proposes its own. What it says next
 * must not let anybody take the loser for the chosen one. Whole nodes, real roles and the real router; the test decides
 * which message arrives.
 */
import { expect, test } from 'vitest'
import { acceptorMachine } from '../../machines/acceptor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { roleInputs, roleMachines, roleNames } from '../../src/roles.ts'
import { Router } from '../../src/router.ts'
import { ballot, batch, executed, members, Role, request, said } from '../support/role.ts'

interface Flying {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: NodeMessage
}

/** Nodes whose datagrams fly until the test delivers them. Writes are synced at once. */
class Cluster {
  readonly #routers: readonly Router[]
  #flying: readonly Flying[] = []
  /** What each node executed. */
  readonly executions: { readonly node: NodeId; readonly instance: Instance; readonly batch: Batch }[] = []

  constructor(servers: number, concerned: readonly NodeId[]) {
    this.#routers = members(servers).map(({ id }) => this.#node(id, servers, concerned))
  }

  #node(self: NodeId, servers: number, concerned: readonly NodeId[]): Router {
    const inputs = roleInputs(
      {
        self,
        incarnation: foundingIncarnation,
        members: members(servers),
        promised: null,
        accepted: [],
        firstUnchosen: 0,
      },
      { timing: defaultTiming, limits: defaultLimits, randomSeed: self },
    )
    const roles = Object.fromEntries(
      roleNames.map((name) => [name, new Role<unknown>(roleMachines[name], inputs[name])]),
    ) as Record<RoleName, Role<unknown>>
    const router: Router = new Router(
      self,
      {
        deliver: (role, event) => {
          for (const output of said(roles[role].hear(event))) router.carry(output)
        },
        send: (to, message) => {
          this.#flying = [...this.#flying, { from: self, to, message }]
        },
        respond: () => undefined,
        persist: ({ by }) => {
          if (by === 'acceptor') router.dispatch('acceptor', { type: 'persisted' })
        },
        read: () => undefined,
      },
      {
        execute: (instance, batch) => {
          this.executions.push({ node: self, instance, batch })
          return executed(instance, { concerned })
        },
        recall: () => null,
      },
    )
    return router
  }

  /** A client asks this server for something that is named by `uid`. */
  ask(node: NodeId, uid: string): void {
    this.#routers[node]?.request({ type: 'request', ...request(uid, 1) }, uid, 1_000, 10)
  }

  /** Every message of this type that flies from one to the other arrives; the rest goes on flying. */
  deliver(type: NodeMessage['type'], from: NodeId, to: NodeId): number {
    const arriving = this.#flying.filter(
      (flying) => flying.message.type === type && flying.from === from && flying.to === to,
    )
    this.#flying = this.#flying.filter((flying) => !arriving.includes(flying))
    for (const { message } of arriving) this.#routers[to]?.hear(from, message)
    return arriving.length
  }

  /** What goes from one to each of the others, and what they answer. */
  exchange(
    from: NodeId,
    others: readonly NodeId[],
    ask: NodeMessage['type'],
    answer: NodeMessage['type'],
  ): void {
    for (const other of others) {
      expect(this.deliver(ask, from, other)).toBeGreaterThan(0)
      expect(this.deliver(answer, other, from)).toBeGreaterThan(0)
    }
  }

  /** What was executed at an instance, by node; the uid of the first request names a batch. */
  executedAt(instance: Instance): Record<NodeId, string | undefined> {
    return Object.fromEntries(
      this.executions
        .filter((execution) => execution.instance === instance)
        .map(({ node, batch }) => [node, batch.requests[0]?.uid]),
    )
  }
}

test('a proposer never tells those concerned of its own batch where a rival’s was chosen', () => {
  const cluster = new Cluster(3, [0, 2])
  cluster.ask(0, 'loser')
  cluster.exchange(0, [1], 'prepare', 'promise')
  // Server 0 has accepted its own batch; its accepts to the others are late.
  cluster.ask(1, 'winner')
  cluster.exchange(1, [2], 'prepare', 'promise')
  cluster.exchange(1, [2], 'accept', 'accepted')
  expect(cluster.deliver('chosen', 1, 0)).toBe(1)
  expect(cluster.executedAt(0)).toEqual({ 0: 'winner', 1: 'winner' })
  cluster.deliver('chosen', 0, 2)
  expect(cluster.executedAt(0)).not.toMatchObject({ 2: 'loser' })
})

test('a proposer whose batch lost says no accept at its old ballot: it would imply that the loser was chosen', () => {
  const cluster = new Cluster(5, [0])
  cluster.ask(0, 'loser')
  cluster.exchange(0, [1, 2], 'prepare', 'promise')
  // Servers 0 and 4 accept the loser; a quorum of the others chooses the winner at a higher ballot.
  cluster.exchange(0, [4], 'accept', 'accepted')
  cluster.ask(1, 'winner')
  cluster.exchange(1, [2, 3], 'prepare', 'promise')
  cluster.exchange(1, [2, 3], 'accept', 'accepted')
  expect(cluster.deliver('chosen', 1, 0)).toBe(1)
  expect(cluster.executedAt(0)).toEqual({ 0: 'winner', 1: 'winner' })
  // Server 0 still has its request to propose, at the next instance.
  cluster.deliver('accept', 0, 4)
  expect(cluster.executedAt(0)).not.toMatchObject({ 4: 'loser' })
})

test('a promise to the prepare before a restart says nothing of the instances below it', () => {
  const acceptor = (self: NodeId, promised: Ballot | null) =>
    new Role(acceptorMachine, {
      self,
      incarnation: foundingIncarnation,
      members: members(3),
      limits: defaultLimits,
      promised,
      accepted: [],
      firstUnchosen: 0,
    })
  const proposer = (firstUnchosen: Instance) =>
    new Role(proposerMachine, {
      self: 0,
      incarnation: foundingIncarnation,
      members: members(3),
      timing: defaultTiming,
      randomSeed: 1,
      promised: ballot(1, 2),
      firstUnchosen,
    })
  const prepares = (from: Instance) => ({ type: 'prepare', ballot: ballot(2, 0), from, sender: 0 }) as const
  // Server 1 has helped to choose a batch at instance 0, of which server 0 has learned, though not durably.
  const other = acceptor(1, null)
  other.hear(
    { type: 'accept', sender: 2, ballot: ballot(1, 2), instance: 0, batch: batch('chosen') },
    { type: 'persisted' },
  )
  const late = said(other.hear(prepares(1), { type: 'persisted' })).at(-1)
  expect(late).toMatchObject({ message: { type: 'promise', from: 1, accepted: [] } })
  // Server 0 starts again from its disk, where nothing is chosen, and uses the same ballot.
  const again = proposer(0)
  again.hear({ type: 'requests.ready' })
  const promise = { type: 'promise', ballot: ballot(2, 0), accepted: [] } as const
  again.hear(
    { ...promise, from: 0, firstUnchosen: 0, sender: 0 },
    { ...promise, from: 1, firstUnchosen: 0, sender: 1 },
  )
  expect(again.state).toBe('preparing')
})
