/** Whoever changes the members of a simulated cluster, one change after another, as the documents say that it is done. */
import type { Instance, MembershipChange, NodeId } from '../../machines/batch.ts'
import { countedMembers } from '../../machines/members.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { serverAddress } from '../core/names.ts'
import type { SimulatedClient } from './client.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { Target } from './plan.ts'
import { type Process, run, sleep, until } from './process.ts'
import type { SimulatedServer } from './server.ts'
import type { Situation } from './situations.ts'

/** How often it looks whether a server that joins has caught up, and after how many looks it names another one to learn from. */
const lookMs = 100
const looksAtOnePeer = 20

/** It changes nothing: there never is a request of that name. */
const nothing = { kind: 'cancel', seq: 0 } as const

/** So often a server looks whether it knows of its admission before it asks for it again. */
const looksBeforeAskingAgain = 50

export class Operator {
  readonly #cluster: SimulatedCluster
  readonly #clientOf: (first: NodeId) => SimulatedClient
  readonly #client: SimulatedClient
  readonly #happened: (what: Situation) => void
  /** Changes that take their time, and those that are made at once. */
  readonly #waiting: (Process | (() => void))[] = []
  /** Servers that are stopped for good: nobody starts them again. */
  readonly #retired = new Set<NodeId>()
  #isBusy = false
  #incarnations = 0

  /** `clientOf` gives clients that ask the server `first` first; `happened` is told of what a disk's loss came to. */
  constructor(
    cluster: SimulatedCluster,
    clientOf: (first: NodeId) => SimulatedClient,
    happened: (what: Situation) => void = () => undefined,
  ) {
    this.#happened = happened
    this.#cluster = cluster
    this.#clientOf = clientOf
    this.#client = clientOf(0)
  }

  /** Nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return !this.#isBusy
  }

  /** Stopped for good, or never begun. */
  isRetired(id: NodeId): boolean {
    return this.#retired.has(id)
  }

  /**
   * A new server joins; nothing happens where there is one of that id. With `addedForMs` it is added to the members first, and begins
   * so long after that.
   */
  join(id: NodeId, addedForMs: number | null = null): void {
    this.#later(this.#joinNew(id, addedForMs))
  }

  /** Removes a server, and stops it for good after that. */
  remove(target: Target, stopAfterMs: number): void {
    this.#later(this.#remove(target, stopAfterMs))
  }

  /** The server's disk is lost: it is removed, and joins again with an empty one. */
  replace(target: Target): void {
    this.#later(this.#replace(target))
  }

  /** Stops a server for good, unless those that are left would be no quorum. */
  stop(target: Target): void {
    this.#later(() => this.#stop(target))
  }

  #later(change: Process | (() => void)): void {
    this.#waiting.push(change)
    if (!this.#isBusy) this.#next()
  }

  #next(): void {
    let change = this.#waiting.shift()
    for (; typeof change === 'function'; change = this.#waiting.shift()) change()
    this.#isBusy = change !== undefined
    if (change !== undefined) run(change, () => this.#next())
  }

  *#joinNew(id: NodeId, addedForMs: number | null): Process {
    if (this.#cluster.find(id) !== undefined) return
    if (addedForMs !== null) {
      yield* this.#change({ action: 'add', id, address: serverAddress(id) })
      this.#happened('a member that is added and not counted yet')
      yield* sleep(this.#cluster.timeline, addedForMs)
    }
    const incarnation = this.#nextIncarnation(id)
    if (!(yield* this.#beAdded({ id, address: serverAddress(id), incarnation }))) return
    const server = this.#cluster.add(id, incarnation)
    server.start()
    yield* this.#becomeMember(server)
  }

  *#remove(target: Target, stopAfterMs: number): Process {
    const id = target === 'leader' ? this.#cluster.leader() : target
    if (!this.#canRemove(id)) return
    const outcome = yield* this.#change({ action: 'remove', id })
    if (outcome.kind !== 'executed') return
    yield* this.#settle(outcome.instance)
    this.#cluster.timeline.schedule(stopAfterMs, () => this.#retire(this.#cluster.server(id)))
  }

  *#replace(target: Target): Process {
    const id = target === 'leader' ? this.#cluster.leader() : target
    if (!this.#canStop(id) || !this.#canRemove(id)) return
    const server = this.#cluster.server(id)
    this.#retire(server)
    const outcome = yield* this.#change({ action: 'remove', id })
    if (outcome.kind !== 'executed') return
    yield* this.#settle(outcome.instance)
    const incarnation = this.#nextIncarnation(id)
    if (!(yield* this.#beAdded({ id, address: server.address, incarnation }))) return
    server.replaceDisk(incarnation)
    this.#retired.delete(id)
    server.start()
    yield* this.#becomeMember(server)
    this.#happened('a server replaced after its disk was lost')
  }

  #stop(target: Target): void {
    const id = target === 'leader' ? this.#cluster.leader() : target
    const server = this.#cluster.find(id)
    if (server === undefined || server.node === null || !this.#canStop(id)) return
    this.#retire(server)
    this.#happened('a server stopped for good')
  }

  #retire(server: SimulatedServer): void {
    this.#retired.add(server.id)
    if (server.node !== null) server.crash(0)
  }

  /** It is counted, and without it those that run, or will run again, are a quorum of all: or nothing could be chosen again. */
  #canStop(id: NodeId): boolean {
    const counted = countedMembers(this.#cluster.members)
    return (
      counted.includes(id) &&
      isQuorum(
        counted,
        this.#standing(counted).filter((other) => other !== id),
      )
    )
  }

  /** It is counted, and of those that are left a quorum stands. The last one cannot be removed, and that is tested elsewhere. */
  #canRemove(id: NodeId): boolean {
    const counted = countedMembers(this.#cluster.members)
    const left = counted.filter((other) => other !== id)
    return counted.includes(id) && isQuorum(left, this.#standing(left))
  }

  /** Those that are not stopped for good. */
  #standing(ids: readonly NodeId[]): readonly NodeId[] {
    return ids.filter((id) => !this.#retired.has(id))
  }

  /** As `joinCluster` in src/node/joining.ts: before it has a directory, and knows the founders, the cluster agrees to its joining. */
  *#beAdded(joiner: Pick<SimulatedServer, 'id' | 'address' | 'incarnation'>): Process<boolean> {
    const { id, address, incarnation } = joiner
    const outcome = yield* this.#change({ action: 'add', id, address, incarnation })
    return outcome.kind === 'executed'
  }

  /** As `join` in src/node/node.ts: it catches up, asks to be counted, and learns that it is. */
  *#becomeMember(server: SimulatedServer): Process {
    const { id, address, incarnation } = server
    yield* this.#catchUp(server)
    const admission = { action: 'admit', id, address, incarnation } as const
    const outcome = yield* this.#change(admission)
    if (outcome.kind !== 'executed') {
      this.#retire(server)
      return
    }
    while (!(yield* this.#catchUp(server, outcome.instance + 1, looksBeforeAskingAgain))) {
      yield* this.#change(admission)
    }
    yield* this.#settle(outcome.instance)
  }

  /**
   * Until a quorum of the new members has the change on disk, with everything before it: only then can the cluster do without
   * a server that was removed, or lose another. Servers are lazy, so each is asked for something.
   */
  *#settle(instance: Instance): Process {
    const knows = (id: NodeId) => this.#cluster.server(id).disk.state.firstUnchosen > instance
    for (;;) {
      // Anew each time: those that run may not have known of the change at first.
      const counted = countedMembers(this.#cluster.members)
      const standing = this.#standing(counted)
      if (isQuorum(counted, standing.filter(knows))) return
      for (const id of standing.filter((id) => !knows(id))) {
        const client = this.#clientOf(id)
        yield* until<Outcome>((resume) => client.ask(nothing, resume))
      }
    }
  }

  /**
   * Until it knows what another one knew when it was turned to, or everything below `firstUnchosen`; `false` when it did not come
   * to that in so many looks.
   */
  *#catchUp(
    server: SimulatedServer,
    firstUnchosen = 0,
    mostLooks = Number.POSITIVE_INFINITY,
  ): Process<boolean> {
    let goal = firstUnchosen > 0 ? firstUnchosen : Number.POSITIVE_INFINITY
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const { node } = server
      const peer = looks % looksAtOnePeer === 0 ? this.#peerOf(server, looks / looksAtOnePeer) : null
      if (node !== null && !server.isPaused && peer !== null) {
        if (firstUnchosen === 0) goal = peer.node.replica.firstUnexecuted
        const { id, address, incarnation } = peer
        node.recordHeardFrom(id, { address, incarnation })
        const informant = { id, incarnation }
        const event = { type: 'behind.noticed', firstUnchosen: goal, informant } as const
        node.take({ type: 'tell', role: 'learner', event })
      }
      if (node !== null && node.replica.firstUnexecuted >= goal) return true
      yield* sleep(this.#cluster.timeline, lookMs)
    }
    return false
  }

  /** One of the other servers that run, each in its turn. */
  #peerOf({ id }: SimulatedServer, turn: number) {
    const peers = this.#cluster.servers.flatMap(({ id: peer, address, incarnation, node }) =>
      peer === id || node === null ? [] : [{ id: peer, address, incarnation, node }],
    )
    return peers[turn % peers.length] ?? null
  }

  /** How it ended; asked again under a new name where the session was forgotten. */
  *#change(change: MembershipChange): Process<Outcome> {
    for (;;) {
      const outcome = yield* until<Outcome>((resume) => {
        this.#client.ask({ kind: 'members', change }, resume)
      })
      if (outcome.kind !== 'refused') return outcome
    }
  }

  #nextIncarnation(id: NodeId): string {
    this.#incarnations += 1
    return `joined-${id}-${this.#incarnations}`
  }
}
