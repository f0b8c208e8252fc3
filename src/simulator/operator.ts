/** The operator of a simulated cluster: changes its members, one change at a time, as the documents describe it. */
import type { Command, Instance, MembershipChange, NodeId } from '../../machines/batch.ts'
import { countedMembers, isCounted } from '../../machines/members.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { serverAddress } from '../core/names.ts'
import type { SimulatedClient } from './client.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { Target } from './plan.ts'
import { type Process, run, sleep, until } from './process.ts'
import type { SimulatedServer } from './server.ts'
import type { Situation } from './situations.ts'

/** The interval of the checks whether a joining server has caught up, and the number of checks before it learns from another peer. */
const lookMs = 100
const looksAtOnePeer = 20

/** A command without effect: no request with this name ever exists. */
const nothing = { kind: 'cancel', seq: 0 } as const

/** The number of checks whether a server knows of its admission, before the operator asks for the admission again. */
const looksBeforeAskingAgain = 50

export class Operator {
  readonly #cluster: SimulatedCluster
  readonly #clientOf: (first: NodeId) => SimulatedClient
  readonly #client: SimulatedClient
  readonly #happened: (what: Situation) => void
  /** Waiting changes: a process takes virtual time, a function is done immediately. */
  readonly #waiting: (Process | (() => void))[] = []
  /** Servers whose data is damaged: they will not start again, and a quorum must not need them. */
  readonly #lost = new Set<NodeId>()
  /** Servers that are stopped for good: they are not started again. */
  readonly #retired = new Set<NodeId>()
  #isBusy = false
  #incarnations = 0

  /** `clientOf` returns a client that asks the server `first` first. `happened` receives the situations that changes cause. */
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

  /** True when no change is in progress and none waits. */
  get isIdle(): boolean {
    return !this.#isBusy
  }

  /** True when the server is stopped for good. */
  isRetired(id: NodeId): boolean {
    return this.#retired.has(id)
  }

  /** Changes the quota of the replicated state. */
  setQuota(bytes: number): void {
    this.#later(this.#setQuota(bytes))
  }

  /**
   * A new server joins. Has no effect when a server with that id exists. With `addedForMs` the server is first added to the members, and
   * starts `addedForMs` later.
   */
  join(id: NodeId, addedForMs: number | null = null): void {
    this.#later(this.#joinNew(id, addedForMs))
  }

  /** Removes a server, and stops it for good after that. */
  remove(target: Target, stopAfterMs: number): void {
    this.#later(this.#remove(target, stopAfterMs))
  }

  /** The server loses its disk: it is removed, and joins again with an empty disk. */
  replace(target: Target): void {
    this.#later(this.#replace(target))
  }

  /**
   * The data of a server is about to be damaged: from now on no quorum may need it. Returns false, and does nothing, when the cluster
   * would not survive that. It may not survive it during a change of its members, which a quorum must know first.
   */
  lose(id: NodeId): boolean {
    const isNeeded = !this.isIdle || !this.#canStop(id) || !this.#canRemove(id)
    if (isNeeded || this.#retired.has(id) || this.#lost.has(id)) return false
    this.#lost.add(id)
    return true
  }

  /** The data of the server was not needed: it has started again. */
  keep(id: NodeId): void {
    this.#lost.delete(id)
  }

  /** Replaces a server whose store refused to open. */
  replaceLost(id: NodeId): void {
    this.#retire(this.#cluster.server(id))
    this.#lost.delete(id)
    this.#later(this.#joinAnew(id))
  }

  /** Stops a server for good, unless the remaining servers would not be a quorum. */
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

  *#setQuota(bytes: number): Process {
    const outcome = yield* this.#request({ kind: 'quota', bytes })
    if (outcome.kind === 'executed') this.#happened('a quota changed')
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
    this.#retire(this.#cluster.server(id))
    yield* this.#joinAnew(id)
  }

  /** A server that is stopped for good is removed, and joins again with an empty disk. */
  *#joinAnew(id: NodeId): Process {
    // Another replacement of this server may have come before this one.
    if (!this.#retired.has(id) || !this.#canRemove(id)) return
    const server = this.#cluster.server(id)
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
    if (server.isUp) server.crash('lost')
  }

  /**
   * The server is counted, and without it the servers that run, or will run again, are a quorum. Otherwise no batch could be chosen
   * any more.
   */
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

  /**
   * The server is counted, and of the remaining members a quorum is not stopped for good. The last member cannot be removed; other tests
   * cover that.
   */
  #canRemove(id: NodeId): boolean {
    const counted = countedMembers(this.#cluster.members)
    const left = counted.filter((other) => other !== id)
    return counted.includes(id) && isQuorum(left, this.#standing(left))
  }

  /** The servers that are not stopped for good. */
  #standing(ids: readonly NodeId[]): readonly NodeId[] {
    return ids.filter((id) => !this.#retired.has(id) && !this.#lost.has(id))
  }

  /** As `joinCluster` in src/node/joining.ts: the cluster adds the server before it has a directory and knows the founders. */
  *#beAdded(joiner: Pick<SimulatedServer, 'id' | 'address' | 'incarnation'>): Process<boolean> {
    const { id, address, incarnation } = joiner
    const outcome = yield* this.#change({ action: 'add', id, address, incarnation })
    return outcome.kind === 'executed'
  }

  /** As `join` in src/node/node.ts: the server catches up, asks for its admission, and learns that it is counted. */
  *#becomeMember(server: SimulatedServer): Process {
    const { id, address, incarnation } = server
    yield* this.#catchUp(server, incarnation)
    const admission = { action: 'admit', id, address, incarnation } as const
    const outcome = yield* this.#change(admission)
    if (outcome.kind !== 'executed') {
      this.#retire(server)
      return
    }
    while (!(yield* this.#catchUp(server, incarnation, outcome.instance + 1, looksBeforeAskingAgain))) {
      yield* this.#change(admission)
    }
    yield* this.#settle(outcome.instance)
  }

  /**
   * Waits until a quorum of the new members has the change on disk, with all instances before it. Only then can the cluster do without
   * a removed server, or lose another one. Servers are lazy, so the operator sends a request to each. An old directory that was brought
   * back is no member: what it knows is gone when the new directory is back.
   */
  *#settle(instance: Instance): Process {
    const knows = (id: NodeId) => {
      const { incarnation, disk } = this.#cluster.server(id)
      return isCounted(this.#cluster.members, id, incarnation) && disk.state.firstUnchosen > instance
    }
    for (;;) {
      // Computed in each round: at first the running servers may not know of the change.
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
   * Waits until the server has executed all instances below `firstUnchosen`; for 0, all instances that its peer had executed when it was
   * picked. Returns `false` when that did not happen within `mostLooks` checks. The directory of the
   * server must be `incarnation`: an older one that was brought back does not count.
   */
  *#catchUp(
    server: SimulatedServer,
    incarnation: string,
    firstUnchosen = 0,
    mostLooks = Number.POSITIVE_INFINITY,
  ): Process<boolean> {
    let goal = firstUnchosen > 0 ? firstUnchosen : Number.POSITIVE_INFINITY
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const node = server.incarnation === incarnation ? server.node : null
      const peer = looks % looksAtOnePeer === 0 ? this.#peerOf(server, looks / looksAtOnePeer) : null
      if (node !== null && !server.isPaused && peer !== null) {
        if (firstUnchosen === 0) goal = peer.node.replica.firstUnexecuted
        const { id, address } = peer
        node.recordHeardFrom(id, { address, incarnation: peer.incarnation })
        const informant = { id, incarnation: peer.incarnation }
        const event = { type: 'behind.noticed', firstUnchosen: goal, informant, atMs: null } as const
        node.take({ type: 'tell', role: 'learner', event })
      }
      if (node !== null && node.replica.firstUnexecuted >= goal) return true
      yield* sleep(this.#cluster.timeline, lookMs)
    }
    return false
  }

  /** The running peer for this turn. The turns take all running peers in order. */
  #peerOf({ id }: SimulatedServer, turn: number) {
    const peers = this.#cluster.servers.flatMap(({ id: peer, address, incarnation, node }) =>
      peer === id || node === null ? [] : [{ id: peer, address, incarnation, node }],
    )
    return peers[turn % peers.length] ?? null
  }

  #change(change: MembershipChange): Process<Outcome> {
    return this.#request({ kind: 'members', change })
  }

  /** The outcome of the request. When the session was forgotten, the request is sent again under a new name. */
  *#request(command: Command): Process<Outcome> {
    for (;;) {
      const outcome = yield* until<Outcome>((resume) => {
        this.#client.ask(command, resume)
      })
      if (outcome.kind !== 'refused') return outcome
    }
  }

  #nextIncarnation(id: NodeId): string {
    this.#incarnations += 1
    return `joined-${id}-${this.#incarnations}`
  }
}
