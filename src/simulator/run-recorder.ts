/** Reports a simulated run to the inspector, as live servers do, so that a failed run can be inspected. */
import type { NodeId } from '../../machines/batch.ts'
import type { ClientEmitted, ServerIndex } from '../../machines/client.ts'
import type { RequestMessage, ServerMessage } from '../../machines/messages.ts'
import type { Fact } from '../core/facts.ts'
import { serverAt } from '../core/names.ts'
import { machineStateOf } from '../inspect/records/machine-state.ts'
import type {
  Cause,
  ClientRecord,
  FateRecord,
  InspectorRecord,
  ServerRecord,
} from '../inspect/records/record.ts'
import { verdictOf } from '../inspect/records/verdict.ts'
import { Replica } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import type { Plant } from '../stepped/settings.ts'
import { changedRoles, type RoleSnapshots, roleStatesOf, Watch } from '../stepped/watch.ts'
import type { ClientMachineStep } from './client.ts'
import type { SimulatedCluster, SimulationOptions } from './cluster.ts'
import type { SimulatedDatagram } from './datagram.ts'
import { judgementOf } from './judge.ts'
import type { CutLink, Fated } from './network.ts'
import type { SimulatedServer } from './server.ts'

interface Known {
  readonly starts: number
  /** `null` when it does not run. */
  readonly roles: RoleSnapshots | null
}

const unknown: Known = { starts: 0, roles: null }

export class RunRecorder {
  readonly #record: (record: InspectorRecord) => void
  readonly #service: Service
  readonly #watch = new Watch()
  readonly #known = new Map<NodeId, Known>()
  #cluster: SimulatedCluster | null = null
  /** The facts of the current event. */
  #facts: Fact[] = []
  /** Fates that are reported after the step that caused them. */
  #fates: (() => void)[] = []
  #clock = 0

  constructor(record: (record: InspectorRecord) => void, service: Service) {
    this.#record = record
    this.#service = service
  }

  /** The options with which a simulated cluster reports to this recorder. `plant` is an additional deliberate fault. */
  surroundings(
    plant: Plant = (settings) => settings,
  ): Pick<SimulationOptions, 'plant' | 'happened' | 'fated' | 'linked' | 'clients'> {
    const { stepper, clientStepper } = this.#watch
    return {
      plant: (settings) => ({ ...plant(settings), stepper }),
      happened: (node, cause) => this.#happened(node, cause),
      fated: (...fate) => this.#fated(...fate),
      linked: (cut) => this.#linked(cut),
      clients: { step: clientStepper.step, moved: (move) => this.#clientMoved(move) },
    }
  }

  /** The cluster is about to start. */
  begin(cluster: SimulatedCluster): void {
    this.#cluster = cluster
    const { founders } = cluster
    const service = this.#service.name
    this.#record({ kind: 'cluster', cluster: 'simulated', service, founders, allowsFaults: false })
    this.#record(verdictOf(null, 0, judgementOf(this.#service.name)))
  }

  observe(fact: Fact): void {
    if (fact.type === 'requested' || fact.type === 'read.asked') return
    if (fact.type !== 'crashed') {
      this.#facts.push(fact)
      return
    }
    const { starts } = this.#known.get(fact.node) ?? unknown
    this.#known.set(fact.node, { starts, roles: null })
    this.#record({
      kind: 'process',
      node: fact.node,
      timeMs: this.#now.timeMs,
      state: 'gone',
      reason: 'it crashed',
    })
  }

  /** The run has ended with `error`; `null` for a run without failure. */
  ended(error: unknown): void {
    this.#record(verdictOf(error, this.#now.timeMs, judgementOf(this.#service.name, error === null)))
  }

  #happened(id: NodeId, cause: Cause): void {
    const server = this.#server(id)
    const { node } = server
    if (node === null) return
    this.#clock += 1
    const before = this.#known.get(id) ?? unknown
    const starts = cause.type === 'start' ? before.starts + 1 : before.starts
    this.#known.set(id, { starts, roles: node.roles })
    const facts = this.#facts
    this.#facts = []
    if (cause.type === 'start') this.#started(server, starts)
    this.#report(id, {
      kind: 'step',
      ...this.#now,
      cause,
      moves: this.#watch.takeServerMoves(),
      facts,
      writes: server.disk.unsynced,
      roles: changedRoles(before.roles, node.roles),
    })
    if (facts.some(({ type }) => type === 'executed')) this.#showService(id, node.replica.snapshot())
    for (const report of this.#fates.splice(0)) report()
  }

  #started(server: SimulatedServer, starts: number): void {
    const { id, node, disk, address } = server
    if (node === null) return
    if (starts > 1) {
      this.#record({ kind: 'process', node: id, timeMs: this.#now.timeMs, state: 'up', reason: null })
    }
    this.#report(id, {
      kind: 'keyframe',
      ...this.#now,
      address,
      pid: null,
      members: node.replica.members,
      durable: disk.state,
      firstUnexecuted: node.replica.firstUnexecuted,
      roles: roleStatesOf(node.roles),
    })
  }

  #showService(id: NodeId, snapshot: Uint8Array): void {
    const replica = Replica.restore(this.#service, snapshot)
    const { firstUnexecuted } = replica
    const views = { view: replica.view(), replica: replica.ownView() }
    this.#report(id, { kind: 'service', ...this.#now, firstUnexecuted, ...views })
  }

  #fated(...[fate, reason, from, to, datagram]: Parameters<Fated>): void {
    const [sender, receiver] = [this.#partyAt(from), this.#partyAt(to)]
    const reporter = typeof sender === 'number' ? sender : receiver
    if (typeof reporter !== 'number') return
    const { message } = datagram as SimulatedDatagram
    const report = () => {
      const record: FateRecord = {
        kind: 'fate',
        ...this.#now,
        from: sender,
        to: receiver,
        message,
        fate,
        reason,
      }
      this.#report(reporter, record)
    }
    // A message is reported with the step of its sender, so its fate must wait until that step ends.
    if (this.#facts.length > 0) this.#fates.push(report)
    else report()
  }

  #linked(links: readonly CutLink[]): void {
    const cut = links.map(({ from, to }) => ({ from: this.#partyAt(from), to: this.#partyAt(to) }))
    this.#record({ kind: 'links', timeMs: this.#now.timeMs, cut })
  }

  #clientMoved({ client, uid, servers, event, step }: ClientMachineStep): void {
    // A client may ask a server that has not joined yet.
    const nodeAt = (server: ServerIndex) => serverAt(servers[server] ?? '') as NodeId
    this.#record({
      kind: 'client',
      client,
      uid,
      timeMs: this.#now.timeMs,
      heard: receivedWith(event, nodeAt),
      event: event.type,
      moves: this.#watch.takeClientMoves(),
      said: step.effects.flatMap((effect) =>
        effect.kind === 'said' && effect.output.type === 'send'
          ? [{ to: nodeAt(effect.output.to), message: sentMessage(effect.output, nodeAt) }]
          : [],
      ),
      machine: machineStateOf('client', step.snapshot),
    })
  }

  #partyAt(address: string): NodeId | string {
    return this.#cluster?.servers.find((server) => server.address === address)?.id ?? address
  }

  #server(id: NodeId): SimulatedServer {
    if (this.#cluster === null) throw new Error('no cluster has begun')
    return this.#cluster.server(id)
  }

  get #now() {
    return { clock: this.#clock, timeMs: this.#cluster?.timeline.nowMs ?? 0 }
  }

  #report(node: NodeId, record: ServerRecord): void {
    const { incarnation } = this.#server(node)
    const { starts } = this.#known.get(node) ?? unknown
    this.#record({ kind: 'server', node, incarnation, run: `${node}.${starts}`, record })
  }
}

/** The message, with the node to avoid in place of its index. */
function sentMessage(
  { avoid, message }: Extract<ClientEmitted, { type: 'send' }>,
  nodeAt: (server: ServerIndex) => NodeId,
): RequestMessage {
  return avoid === null ? message : { ...message, avoid: nodeAt(avoid) }
}

/** The message in the event of a client's machine, `null` when the event is no message from a server. */
function receivedWith(
  event: { readonly type: string },
  nodeAt: (server: ServerIndex) => NodeId,
): ClientRecord['heard'] {
  if (event.type !== 'response' && event.type !== 'queued' && event.type !== 'busy') return null
  const {
    server,
    atMs: _,
    ...message
  } = event as ServerMessage & {
    readonly server: ServerIndex
    readonly atMs: number
  }
  return { from: nodeAt(server), message }
}
