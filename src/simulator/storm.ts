/** Applies the faults of a plan to a cluster. */

import type { NodeId } from '../../machines/batch.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { serverAddress } from '../core/names.ts'
import type { SimulatedCluster } from './cluster.ts'
import { damageSynced } from './damage.ts'
import type { SimulatedDatagram } from './datagram.ts'
import type { FileCall, Unsynced } from './files.ts'
import { type LostOnPurpose, noFaults } from './network.ts'
import type { Operator } from './operator.ts'
import type { CutLink, Fault, Target } from './plan.ts'
import { Random, seedFor } from './random.ts'
import type { SimulatedServer } from './server.ts'
import type { Situation } from './situations.ts'

export interface StormOptions {
  readonly seed: number
  readonly cluster: SimulatedCluster
  readonly operator: Operator
  /** The addresses of all clients. */
  readonly clients: readonly string[]
  /** Receives the situation of each fault that takes effect. A fault has no effect when its server does not run. */
  readonly happened: (what: Situation) => void
}

const crashSituations: Readonly<Record<Unsynced, Situation>> = {
  lost: 'a crash that lost writes',
  kept: 'a crash that kept what was written',
  torn: 'a crash that tore a write',
  cached: 'a process that ended while its writes stayed in the cache',
}

const errorSituations: Readonly<Record<FileCall, Situation | null>> = {
  read: 'a failed read',
  write: 'a failed write',
  sync: 'a failed sync',
  other: null,
}

export class Storm {
  readonly #options: StormOptions
  readonly #active = new Set<Fault>()
  /** Servers that run with their old directory. */
  readonly #swapped = new Set<NodeId>()
  /** Draws which of the `chosen` messages are lost that only one server can send. */
  readonly #random: Random

  /** Schedules `faults` on the cluster's timeline. */
  constructor(faults: readonly Fault[], options: StormOptions) {
    this.#options = options
    this.#random = new Random(seedFor(options.seed, 'lost chosen'))
    for (const fault of faults) {
      options.cluster.timeline.schedule(fault.atMs, () => this.#begin(fault))
    }
  }

  /** From now on no sync fails or triggers a crash. */
  end(): void {
    for (const server of this.#options.cluster.servers) server.forgetFaults()
  }

  get #timeline() {
    return this.#options.cluster.timeline
  }

  #begin(fault: Fault): void {
    const { cluster, operator, happened } = this.#options
    switch (fault.kind) {
      case 'loss':
      case 'duplication':
      case 'reordering':
      case 'delay':
      case 'lostChosen':
        this.#disturb(fault)
        return
      case 'cut':
        this.#cut(fault.links, fault.forMs)
        return
      case 'crash':
        this.#crash(fault)
        return
      case 'diskError':
        this.#failCall(fault)
        return
      case 'damage':
        this.#damage(fault)
        return
      case 'slowDisk': {
        const server = this.#find(fault.server)
        if (server === undefined) return
        server.slowSyncMs = fault.syncMs
        happened('a slow disk')
        this.#timeline.schedule(fault.forMs, () => {
          server.slowSyncMs = null
        })
        return
      }
      case 'pause': {
        const server = this.#find(fault.server)
        if (server === undefined) return
        happened('a process paused')
        this.#timeline.schedule(fault.forMs, server.pause())
        return
      }
      case 'stop':
        operator.stop(fault.server)
        return
      case 'clock': {
        const server = cluster.server(fault.server)
        server.clockAheadMs += fault.jumpMs
        happened(fault.jumpMs < 0 ? 'a clock set back' : 'a clock set ahead')
        return
      }
      case 'clientClock': {
        const name = this.#options.clients[fault.client]
        const client = cluster.clients.find((other) => other.name === name)
        if (client === undefined || client.hasLeft) return
        client.clockAheadMs += fault.jumpMs
        happened(fault.jumpMs < 0 ? 'the clock of a client set back' : 'the clock of a client set ahead')
        return
      }
      case 'quota':
        operator.setQuota(fault.bytes)
        return
      case 'join':
        operator.join(fault.server, fault.addedForMs ?? null)
        return
      case 'remove':
        operator.remove(fault.server, fault.stopAfterMs)
        return
      case 'replace':
        operator.replace(fault.server)
        return
      case 'oldDirectory':
        this.#bringBack(fault)
        return
    }
    fault satisfies never
  }

  /** Runs a server for a while with the directory that it had before it was replaced. */
  #bringBack({ server: id, forMs }: Extract<Fault, { kind: 'oldDirectory' }>): void {
    const { cluster, operator, happened } = this.#options
    const server = cluster.find(id)
    // With two such faults at once, the second would restore the new directory, and its end would leave the old one in place for good.
    if (server === undefined || !server.hasEarlierDisk || operator.isRetired(id) || this.#swapped.has(id))
      return
    const swap = () => {
      if (server.isUp) server.crash('lost')
      server.swapDisk()
      server.start()
    }
    this.#swapped.add(id)
    swap()
    happened('an old directory brought back under its id')
    const { disk } = server
    this.#timeline.schedule(forMs, () => {
      this.#swapped.delete(id)
      if (server.disk === disk && !operator.isRetired(id)) swap()
    })
  }

  #disturb(fault: Extract<Fault, { forMs: number }>): void {
    this.#active.add(fault)
    this.#setNetwork()
    this.#timeline.schedule(fault.forMs, () => {
      this.#active.delete(fault)
      this.#setNetwork()
    })
  }

  /** When two faults of one kind overlap, the worse one applies. */
  #setNetwork(): void {
    const { network } = this.#options.cluster
    let faults = noFaults
    let lostChosenPercent = 0
    for (const fault of this.#active) {
      switch (fault.kind) {
        case 'loss':
          faults = { ...faults, lossPercent: Math.max(faults.lossPercent, fault.percent) }
          break
        case 'duplication':
          faults = { ...faults, duplicationPercent: Math.max(faults.duplicationPercent, fault.percent) }
          break
        case 'reordering':
          faults = { ...faults, maxDelayMs: Math.max(faults.maxDelayMs, fault.maxDelayMs) }
          break
        case 'delay':
          faults = {
            ...faults,
            latePercent: Math.max(faults.latePercent, fault.percent),
            lateMs: Math.max(faults.lateMs, fault.delayMs),
          }
          break
        case 'lostChosen':
          lostChosenPercent = Math.max(lostChosenPercent, fault.percent)
          break
      }
    }
    network.faults = faults
    network.losesOnPurpose = lostChosenPercent === 0 ? null : this.#losesChosen(lostChosenPercent)
  }

  /** Loses `chosen` messages with an instance that only their sender knows to be chosen. */
  #losesChosen(percent: number): LostOnPurpose {
    return (_from, _to, datagram) => {
      const { sender, message } = datagram as SimulatedDatagram
      if (sender === null || message.type !== 'chosen' || message.batches.length === 0) return null
      if (!this.#knowsAlone(sender, message.from + message.batches.length)) return null
      if (!this.#random.chance(percent)) return null
      this.#options.happened('a chosen lost that one server alone could tell')
      return 'no other server knows that it is chosen'
    }
  }

  /** True when no other server, except those that are stopped for good, knows all instances below `firstUnchosen`. */
  #knowsAlone(id: NodeId, firstUnchosen: number): boolean {
    const { cluster, operator } = this.#options
    const others = cluster.servers.filter((server) => server.id !== id && !operator.isRetired(server.id))
    return others.every(
      ({ node, disk }) => (node?.replica.firstUnexecuted ?? disk.state.firstUnchosen) < firstUnchosen,
    )
  }

  #cut(links: readonly CutLink[], forMs: number): void {
    const { network } = this.#options.cluster
    const between = links.flatMap(([one, other]) =>
      this.#addresses(one).flatMap((from) => this.#addresses(other).map((to) => ({ from, to }))),
    )
    this.#timeline.schedule(forMs, network.cut(between))
  }

  #addresses(end: CutLink[0]): readonly string[] {
    return end === null ? this.#options.clients : [serverAddress(end)]
  }

  #crash({ server: target, during, calls, unsynced, forMs }: Extract<Fault, { kind: 'crash' }>): void {
    const server = this.#find(target)
    if (server === undefined) return
    const { happened } = this.#options
    const crash = () => {
      this.#count(server, unsynced)
      server.crash(unsynced)
      this.#startLater(server, forMs)
    }
    const within = (callMs: number, act = crash) =>
      this.#timeline.schedule(callMs / 2, this.#ifStill(server, act))
    switch (during) {
      case 'nothing':
        crash()
        return
      case 'sync':
        server.atNextCall('sync', (callMs) => within(callMs))
        return
      case 'call':
      case 'chunk': {
        const inCall = () => {
          if (during === 'call') happened('a crash within a call of the file system')
          crash()
        }
        const count = (left: number) => {
          server.atNextCall(during === 'call' ? 'any' : 'chunk', (callMs) => {
            if (left > 0) count(left - 1)
            else within(callMs, inCall)
          })
        }
        count(calls)
        return
      }
    }
    during satisfies never
  }

  /** `act`, unless the process of the server is another one then. */
  #ifStill(server: SimulatedServer, act: () => void): () => void {
    const { starts } = server
    return () => {
      if (server.isUp && server.starts === starts) act()
    }
  }

  #count(server: SimulatedServer, unsynced: Unsynced): void {
    const { happened } = this.#options
    happened('a crash')
    if (server.isSyncing) happened('a crash during a sync')
    if (server.isOpening) happened('a crash of a server that opened its store')
    if (server.disk.unsynced > 0) happened(crashSituations[unsynced])
    const queue = server.node?.roles.requestQueue.context as RequestQueueContext | undefined
    if (queue !== undefined && queue.held.delayedCount > 0) {
      happened('a crash of a server that held delayed requests')
    }
  }

  #failCall({ server: target, call, code, calls, forMs }: Extract<Fault, { kind: 'diskError' }>): void {
    const server = this.#find(target)
    if (server === undefined) return
    server.failLater({ call, code, calls }, () => {
      const situation = code === 'ENOSPC' ? 'a full disk' : errorSituations[call]
      if (situation !== null) this.#options.happened(situation)
      this.#startLater(server, forMs)
    })
  }

  /** A server whose disk is damaged halts when it reads the damage, or does not start again. Then it is replaced. */
  #damage({ server: target, how, forMs }: Extract<Fault, { kind: 'damage' }>): void {
    const { operator, happened } = this.#options
    const server = this.#find(target)
    if (server === undefined || this.#swapped.has(server.id) || !operator.lose(server.id)) return
    const { disk, id } = server
    if (!damageSynced(disk.files, how, this.#random)) {
      operator.keep(id)
      return
    }
    happened('synced data damaged')
    server.expectRefusal(
      () => {
        happened('a store that refused damaged data')
        operator.replaceLost(id)
      },
      () => operator.keep(id),
    )
    this.#timeline.schedule(forMs, () => {
      if (server.disk !== disk || operator.isRetired(id)) return
      if (server.isUp) server.crash('lost')
      server.start()
    })
  }

  #startLater(server: SimulatedServer, afterMs: number): void {
    const { disk } = server
    this.#timeline.schedule(afterMs, () => {
      const isGone = this.#options.operator.isRetired(server.id) || server.disk !== disk
      if (!isGone && !server.isUp) server.start()
    })
  }

  /** The target server, if it runs. */
  #find(target: Target): SimulatedServer | undefined {
    const { cluster } = this.#options
    const server = cluster.find(target === 'leader' ? cluster.leader() : target)
    return server?.isUp === true ? server : undefined
  }
}
