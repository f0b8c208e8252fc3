/** A whole cluster in one process, in virtual time, with everything uncertain drawn from one seed. */
import type { AnyStateMachine } from 'xstate'
import type { Address, NodeId } from '../../machines/batch.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers, type Member } from '../../machines/members.ts'
import { drawRandom } from '../../machines/random.ts'
import { defaultTiming, type Timing } from '../../machines/timing.ts'
import { traceLines } from '../node/trace.ts'
import type { Service } from '../services/service.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type Replicas, usualNodeSettings } from '../stepped/settings.ts'
import type { Fact } from '../verify/facts.ts'
import { SimulatedClient } from './client.ts'
import { SimulatedDisk } from './disk.ts'
import { calm, type NetworkFaults, SimulatedNetwork } from './network.ts'
import { SimulatedNode } from './node.ts'
import { Timeline } from './timeline.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly servers: number
  readonly service: Service
  readonly faults?: NetworkFaults
  readonly timing?: Timing
  readonly clientTiming?: ClientTiming
  readonly limits?: Limits
  /** The role machines; a test may provide faulty ones. */
  readonly machines?: Readonly<Record<RoleName, AnyStateMachine>>
  /** The replicas; a test may provide faulty ones. */
  readonly replicas?: Replicas
  /** Is told what happens, as it happens. */
  readonly observe?: (fact: Fact) => void
  /** Digests of the replicated state are reported after each so many instances; 0 for never. */
  readonly digestEvery?: number
}

interface Server {
  readonly id: NodeId
  readonly incarnation: string
  readonly disk: SimulatedDisk
  node: SimulatedNode | null
  /** What the service executed, a line a request. */
  executed: string[]
}

export class SimulatedCluster {
  readonly timeline = new Timeline()
  readonly network: SimulatedNetwork
  readonly #options: Required<Omit<SimulationOptions, 'service' | 'replicas'>>
  readonly #replicas: Replicas
  readonly #members: readonly Member[]
  readonly #servers = new Map<NodeId, Server>()
  #randomSeed: number
  #clients = 0

  constructor(options: SimulationOptions) {
    this.#options = {
      faults: calm,
      timing: defaultTiming,
      clientTiming: defaultClientTiming,
      limits: defaultLimits,
      machines: usualNodeSettings.machines,
      observe: () => undefined,
      digestEvery: usualNodeSettings.digestEvery,
      ...options,
    }
    this.#randomSeed = options.seed
    this.network = new SimulatedNetwork(this.timeline, () => this.random(), this.#options.faults)
    const ids = Array.from({ length: options.servers }, (_, id) => id)
    this.#members = foundingMembers(ids.map((id) => ({ id, address: addressOf(id) })))
    this.#replicas = options.replicas ?? replicasOf({ service: options.service, members: this.#members })
    for (const id of ids) this.#add(id, foundingIncarnation)
    for (const id of ids) this.start(id)
  }

  /** The next number of the run's random sequence, from 0 to 1. */
  random(): number {
    const { seed, value } = drawRandom(this.#randomSeed)
    this.#randomSeed = seed
    return value
  }

  /** A running server; throws when it is not running. */
  node(id: NodeId): SimulatedNode {
    const node = this.#servers.get(id)?.node
    if (node === undefined || node === null) throw new Error(`server ${id} is not running`)
    return node
  }

  /** What the service of a server executed, in order, a line a request. */
  executed(id: NodeId): readonly string[] {
    return this.#servers.get(id)?.executed ?? []
  }

  get running(): NodeId[] {
    return [...this.#servers.values()].filter(({ node }) => node !== null).map(({ id }) => id)
  }

  /** A new client of the servers that the cluster began with. */
  client(): SimulatedClient {
    this.#clients += 1
    return new SimulatedClient({
      uid: `client-${this.#clients}@0`,
      servers: this.#members.map(({ address }) => address),
      network: this.network,
      timeline: this.timeline,
      timing: this.#options.clientTiming,
    })
  }

  /** Starts a server from what its disk holds. */
  start(id: NodeId): void {
    const server = this.#servers.get(id)
    if (server === undefined || server.node !== null) throw new Error(`server ${id} is running or unknown`)
    const { timing, limits, machines, digestEvery, observe } = this.#options
    const { disk, incarnation } = server
    server.executed = []
    server.node = new SimulatedNode({
      settings: {
        self: id,
        incarnation,
        timing,
        limits,
        replicas: this.#replicas,
        machines,
        stepper: usualNodeSettings.stepper,
        digestEvery,
      },
      address: addressOf(id),
      disk,
      timeline: this.timeline,
      network: this.network,
      randomSeed: Math.floor(this.random() * 2 ** 31),
      observe: (fact) => {
        if (fact.type === 'executed') server.executed.push(...traceLines(fact.batch, fact.execution))
        observe(fact)
      },
    })
  }

  /** Ends a server at once, as `kill -9` or a power cut would; a random part of what was not synced is lost. */
  crash(id: NodeId): void {
    const server = this.#servers.get(id)
    if (server === undefined || server.node === null) throw new Error(`server ${id} is not running`)
    server.node.crash()
    server.node = null
    server.disk.crash(Math.floor(this.random() * 3))
  }

  /** Starts a new server, which catches up from `seed` and then asks to be counted; resolves when it is. */
  async join(id: NodeId, seed: NodeId): Promise<void> {
    const incarnation = `joined-${id}-${this.#servers.size}`
    this.#add(id, incarnation)
    this.start(id)
    this.node(id).dispatch('learner', {
      type: 'behind.noticed',
      firstUnchosen: this.node(seed).replica.firstUnexecuted,
      peer: seed,
    })
    const outcome = await this.client().request({
      kind: 'members',
      change: { action: 'admit', id, address: addressOf(id), incarnation },
    })
    if (outcome.kind !== 'executed')
      throw new Error(`server ${id} was not admitted: ${JSON.stringify(outcome)}`)
    this.node(id).dispatch('learner', {
      type: 'behind.noticed',
      firstUnchosen: outcome.instance + 1,
      peer: seed,
    })
  }

  #add(id: NodeId, incarnation: string): void {
    const syncMs = () => 0.2 + this.random() * 2
    this.#servers.set(id, {
      id,
      incarnation,
      disk: new SimulatedDisk(this.timeline, syncMs),
      node: null,
      executed: [],
    })
  }
}

/** Where a simulated server is. */
export function addressOf(id: NodeId): Address {
  return `server-${id}`
}
