/** A whole cluster in one process, in virtual time. One seed decides every random choice. */
import type { NodeId } from '../../machines/batch.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client-timing.ts'
import {
  defaultLimits,
  type Limits,
  type ReplicatedLimits,
  replicatedLimits,
  sessionTtlMs,
} from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers, type Member } from '../../machines/members.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import { defaultTiming, type Timing } from '../../machines/timing.ts'
import { type NewLeaseClock, newLeaseClock } from '../client/lease-clock.ts'
import type { Fact } from '../core/facts.ts'
import { serverAddress } from '../core/names.ts'
import type { Service } from '../services/service.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type FaultyParts, type Plant, usualNodeSettings } from '../stepped/settings.ts'
import { type ClientWatch, SimulatedClient } from './client.ts'
import { type CutLink, type Fated, noFaults, SimulatedNetwork, type Wire } from './network.ts'
import { type ServerSurroundings, SimulatedServer } from './server.ts'
import { Timeline } from './timeline.ts'

export interface SimulationOptions {
  readonly seed: number
  /** The number of founders. Their ids are numbered from 0. */
  readonly servers: number
  readonly service: Service
  readonly ttlMs?: number
  readonly timing?: Timing
  readonly clientTiming?: ClientTiming
  readonly limits?: Limits
  /** The limits of the replicated state. */
  readonly replicatedLimits?: ReplicatedLimits
  /** Plants a deliberate fault, to test the checks. */
  readonly plant?: Plant
  /** The servers report a digest of the replicated state after every `digestEvery` instances. Default 0: never. */
  readonly digestEvery?: number
  readonly observe?: (fact: Fact) => void
  readonly heard?: ServerSurroundings['heard']
  readonly moved?: ServerSurroundings['moved']
  readonly met?: ServerSurroundings['met']
  readonly happened?: ServerSurroundings['happened']
  readonly fated?: Fated
  /** Carries datagrams as bytes. Without it, datagrams are passed as values. `nowMs` is virtual time. */
  readonly wire?: (nowMs: () => number) => Wire
  /** Receives all links that are cut, by the addresses of their ends, on each change. */
  readonly linked?: (cut: readonly CutLink[]) => void
  readonly clients?: ClientWatch
}

const nothing = () => undefined

export class SimulatedCluster {
  readonly timeline = new Timeline()
  readonly network: SimulatedNetwork
  readonly founders: readonly Member[]
  readonly #seed: number
  readonly #clientTiming: ClientTiming
  readonly #ttlMs: number
  readonly #clientWatch: ClientWatch | null
  readonly #around: ServerSurroundings
  readonly #leaseClock: NewLeaseClock
  readonly #servers: SimulatedServer[] = []
  readonly #clients: SimulatedClient[] = []
  #members: readonly Member[]
  /** The number of instances that some server has executed. */
  #executed = 0

  constructor(options: SimulationOptions) {
    const { seed, servers, service, observe = nothing, heard = nothing, moved = nothing } = options
    const { happened = nothing, fated = nothing, met = nothing } = options
    this.#seed = seed
    this.#clientTiming = options.clientTiming ?? defaultClientTiming
    this.#ttlMs = options.ttlMs ?? sessionTtlMs.usual
    this.#clientWatch = options.clients ?? null
    const wire = options.wire?.(() => this.timeline.nowMs) ?? null
    this.network = new SimulatedNetwork(this.timeline, seed, noFaults, fated, options.linked, wire)
    const ids = Array.from({ length: servers }, (_, id) => id)
    this.founders = foundingMembers(ids.map((id) => ({ id, address: serverAddress(id) })))
    this.#members = this.founders
    const plant: Plant = options.plant ?? ((settings) => settings)
    const usual: ServerSurroundings['settings'] & FaultyParts = {
      ...usualNodeSettings,
      digestEvery: options.digestEvery ?? 0,
      timing: options.timing ?? defaultTiming,
      limits: options.limits ?? defaultLimits,
      replicas: replicasOf({
        service,
        members: this.founders,
        limits: options.replicatedLimits ?? replicatedLimits,
      }),
    }
    const { leaseClock = newLeaseClock, ...settings } = plant(usual)
    this.#leaseClock = leaseClock
    this.#around = {
      seed,
      timeline: this.timeline,
      network: this.network,
      founders: this.founders,
      service: service.name,
      settings,
      observe: (fact) => {
        this.#followMembers(fact)
        observe(fact)
      },
      heard,
      moved,
      met,
      happened,
    }
    for (const id of ids) this.add(id, foundingIncarnation(id))
  }

  /** Starts every server. */
  start(): void {
    for (const server of this.#servers) server.start({ atOnce: true })
  }

  /** Every present and former server, in the order in which they were added. */
  get servers(): readonly SimulatedServer[] {
    return this.#servers
  }

  /** The server, or `undefined` when no server ever had that id. */
  find(id: NodeId): SimulatedServer | undefined {
    return this.#servers.find((server) => server.id === id)
  }

  /** The server. Throws when no server ever had that id. */
  server(id: NodeId): SimulatedServer {
    const server = this.find(id)
    if (server === undefined) throw new Error(`there is no server ${id}`)
    return server
  }

  /** The members after the last instance that any server has executed. That server need not run now. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** The server whose proposer is leading or accepting at the highest ballot; the first server when there is none. */
  leader(): NodeId {
    let leader: { readonly id: NodeId; readonly round: number } | null = null
    for (const { id, node } of this.#servers) {
      const proposer = node?.roles.proposer
      if (proposer === undefined || !(proposer.matches('leading') || proposer.matches('accepting'))) continue
      const { round } = (proposer.context as ProposerContext).ballot
      if (leader === null || round >= leader.round) leader = { id, round }
    }
    return leader?.id ?? this.#servers[0]?.id ?? 0
  }

  /** Every client, in the order in which they were made. */
  get clients(): readonly SimulatedClient[] {
    return this.#clients
  }

  /** Adds a new server with an empty disk. It does not run yet. */
  add(id: NodeId, incarnation: string): SimulatedServer {
    if (this.find(id) !== undefined) throw new Error(`server ${id} already exists`)
    const server = new SimulatedServer(this.#around, id, incarnation)
    this.#servers.push(server)
    return server
  }

  /** A new client of the servers `ids`. It asks the server at index `first` first. */
  client(name: string, ids: readonly NodeId[], first = 0): SimulatedClient {
    const client = new SimulatedClient(
      {
        name,
        servers: ids.map(serverAddress),
        network: this.network,
        timeline: this.timeline,
        timing: this.#clientTiming,
        ttlMs: this.#ttlMs,
        seed: this.#seed,
        leaseClock: this.#leaseClock,
        requested: (request) => this.#around.observe({ type: 'requested', request }),
        readAsked: (uid, seq, body) => this.#around.observe({ type: 'read.asked', uid, seq, body }),
        ...(this.#clientWatch === null ? {} : { watch: this.#clientWatch }),
      },
      first,
    )
    this.#clients.push(client)
    return client
  }

  #followMembers(fact: Fact): void {
    if (fact.type !== 'executed' || fact.instance < this.#executed) return
    this.#executed = fact.instance + 1
    this.#members = fact.execution.members ?? this.#members
  }
}
