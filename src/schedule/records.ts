/**
 * The inspector's records of a schedule: the same records that live servers send, built from each step of the cluster. `Watch` executes
 * the steps of the machines, so the records contain the transitions that were really taken.
 */
import type { NodeId } from '../../machines/batch.ts'
import type { ClientAsk, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import { utf8 } from '../core/bytes.ts'
import { serverAddress, uidOf } from '../core/names.ts'
import { machineStateOf } from '../inspect/records/machine-state.ts'
import type {
  Cause,
  ClientRecord,
  FateRecord,
  InspectorRecord,
  RunName,
  ServerRecord,
} from '../inspect/records/record.ts'
import { verdictOf } from '../inspect/records/verdict.ts'
import { Replica } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import { unsyncedWrites } from '../stepped/disk.ts'
import type { Running } from '../stepped/state.ts'
import { changedRoles, roleStatesOf, Watch } from '../stepped/watch.ts'
import { applyEvent } from './apply.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clientOf,
  type Flying,
  foundedCluster,
  isCut,
  type ServerState,
  serverOf,
} from './cluster.ts'
import type { ClusterEvent, ClusterStep, Happening } from './events.ts'
import { judgementOf } from './judge.ts'

/** The cluster to record: its settings, and the service that it replicates. */
export interface Recorded {
  readonly settings: ClusterSettings
  readonly service: Service
}

export interface RecordedStep extends ClusterStep {
  readonly records: readonly InspectorRecord[]
}

/** As `foundCluster`, with the records for the inspector, which begin every stream. */
export function foundRecorded(recorded: Recorded): RecordedStep {
  const { settings, service } = recorded
  const { founders } = settings
  const cluster: InspectorRecord = {
    kind: 'cluster',
    cluster: 'playground',
    service: service.name,
    founders,
    allowsFaults: false,
  }
  const begun: RecordedStep = {
    state: foundedCluster(settings),
    happenings: [],
    facts: [],
    records: [cluster, verdictOf(null, 0, judgementOf(service.name))],
  }
  return founders.reduce((before, { id }) => {
    const next = applyRecorded(before.state, { type: 'restart', server: id }, recorded, id)
    return {
      state: next.state,
      happenings: [...before.happenings, ...next.happenings],
      facts: [...before.facts, ...next.facts],
      records: [...before.records, ...next.records],
    }
  }, begun)
}

/**
 * As `applyEvent`, with the records for the inspector. `clock` takes the place of the Lamport clock, and must grow from event to event.
 * Throws `RoleFailed` when a machine throws, and the error of `applyEvent` when the event cannot happen.
 */
export function applyRecorded(
  state: ClusterState,
  event: ClusterEvent,
  recorded: Recorded,
  clock: number,
): RecordedStep {
  const watch = new Watch()
  const { stepper, clientStepper } = watch
  const step = applyEvent(state, event, { ...recorded.settings, stepper, clientStepper })
  const recorder = new StepRecorder(state, step, clock, watch, recorded.service)
  recorder.record(event)
  return { ...step, records: recorder.records }
}

/** Builds the records of one event. */
class StepRecorder {
  readonly records: InspectorRecord[] = []
  readonly #before: ClusterState
  readonly #step: ClusterStep
  readonly #clock: number
  readonly #watch: Watch
  readonly #service: Service

  constructor(before: ClusterState, step: ClusterStep, clock: number, watch: Watch, service: Service) {
    this.#before = before
    this.#step = step
    this.#clock = clock
    this.#watch = watch
    this.#service = service
  }

  get #now() {
    return { clock: this.#clock, timeMs: this.#step.state.nowMs }
  }

  record(event: ClusterEvent): void {
    switch (event.type) {
      case 'request':
        this.#client(event.client, 'request.submitted', null)
        return
      case 'give.up':
      case 'read':
      case 'resend':
        this.#client(event.client, event.type, null)
        return
      case 'client.timer':
        this.#client(event.client, event.id, null)
        return
      case 'deliver':
        this.#deliver(this.#flying(event.flight))
        return
      case 'drop':
        this.#fate(this.#flying(event.flight), 'dropped', 'the network loses it')
        return
      case 'duplicate':
        this.#fate(this.#flying(event.flight), 'duplicated', 'the network duplicates it')
        return
      case 'sync':
        this.#serverStep(event.server, { type: 'synced' })
        return
      case 'sync.failed':
        this.#server(event.server, { kind: 'ended', ...this.#now, reason: `its disk failed${this.#lost()}` })
        return
      case 'crash':
        this.#process(event.server, 'gone', `it crashed${this.#lost()}`)
        return
      case 'timer':
        this.#serverStep(event.server, { type: 'timer', role: event.role, id: event.id })
        return
      case 'restart':
      case 'join':
        this.#started(event.server)
        return
      case 'greet':
        this.#serverStep(event.server, { type: 'tell', role: 'learner', event: 'behind.noticed' })
        return
      case 'cut':
      case 'heal':
        this.records.push({ kind: 'links', timeMs: this.#step.state.nowMs, cut: this.#step.state.cuts })
        return
      case 'wait':
        return
    }
    event satisfies never
  }

  /** The datagram, which may no longer be in flight after the event. */
  #flying(flight: number): Flying {
    const datagram = this.#before.flying.find(({ id }) => id === flight)
    if (datagram === undefined) throw new Error(`no datagram ${flight} is in flight`)
    return datagram
  }

  #deliver(datagram: Flying): void {
    const { from, to, message } = datagram
    if (typeof to === 'string') {
      const heard = { from: from as NodeId, message: message as ServerMessage }
      this.#client(to, message.type, heard)
      return
    }
    if (serverOf(this.#before, to).node.running === null) {
      this.#fate(datagram, 'dropped', `server ${to} is down`)
      return
    }
    this.#serverStep(
      to,
      typeof from === 'string'
        ? { type: 'request', message: message as ClientAsk, replyTo: from }
        : { type: 'hear', sender: from, message: message as NodeMessage },
    )
  }

  #client(name: string, event: string, heard: ClientRecord['heard']): void {
    const { snapshot } = clientOf(this.#step.state, name)
    const said = this.#step.happenings.flatMap((happening) =>
      happening.type === 'said' && happening.from === name
        ? [
            {
              to: happening.to as NodeId,
              message: happening.message as ClientRecord['said'][number]['message'],
            },
          ]
        : [],
    )
    this.records.push({
      kind: 'client',
      client: name,
      uid: uidOf(name),
      timeMs: this.#step.state.nowMs,
      heard,
      event,
      moves: this.#watch.takeClientMoves(),
      said,
      machine: machineStateOf('client', snapshot),
    })
  }

  #serverStep(id: NodeId, cause: Cause): void {
    const { node } = serverOf(this.#step.state, id)
    if (node.running === null) throw new Error(`server ${id} is down`)
    const { facts, happenings } = this.#step
    this.#server(id, {
      kind: 'step',
      ...this.#now,
      cause,
      moves: this.#watch.takeServerMoves(),
      facts,
      writes: unsyncedWrites(node.disk),
      roles: changedRoles(this.#before.servers[id]?.node.running?.roles ?? null, node.running.roles),
    })
    for (const happening of happenings) this.#lostOnItsWay(happening)
    if (facts.some(({ type }) => type === 'executed')) this.#showService(id, node.running)
  }

  #lostOnItsWay(happening: Happening): void {
    if (happening.type !== 'said' || happening.fate !== 'lost') return
    const { from, to } = happening
    const reason = isCut(this.#step.state, from, to)
      ? 'the link is cut'
      : `server ${from} does not know its address`
    this.#fate(happening, 'dropped', reason)
  }

  #showService(id: NodeId, { replica: { snapshot, firstUnexecuted } }: Running): void {
    const replica = Replica.restore(this.#service, utf8(snapshot))
    const views = { view: replica.view(), replica: replica.ownView() }
    this.#server(id, { kind: 'service', ...this.#now, firstUnexecuted, ...views })
  }

  #started(id: NodeId): void {
    const { node, starts } = serverOf(this.#step.state, id)
    if (node.running === null) throw new Error(`server ${id} is down`)
    if (starts > 1) this.#process(id, 'up', null)
    const { roles, replica } = node.running
    this.#server(id, {
      kind: 'keyframe',
      ...this.#now,
      address: serverAddress(id),
      pid: null,
      members: replica.members,
      durable: node.disk.durable,
      firstUnexecuted: replica.firstUnexecuted,
      roles: roleStatesOf(roles),
    })
    this.#serverStep(id, { type: 'start' })
  }

  #fate(
    { from, to, message }: Pick<FateRecord, 'from' | 'to' | 'message'>,
    fate: FateRecord['fate'],
    reason: string,
  ): void {
    const reporter = typeof from === 'number' ? from : (to as NodeId)
    this.#server(reporter, { kind: 'fate', ...this.#now, from, to, message, fate, reason })
  }

  #process(node: NodeId, state: 'up' | 'gone', reason: string | null): void {
    this.records.push({ kind: 'process', node, timeMs: this.#step.state.nowMs, state, reason })
  }

  /** `, and 2 of its writes are lost`. */
  #lost(): string {
    const crashed = this.#step.happenings.find(({ type }) => type === 'crashed')
    const lost = crashed?.type === 'crashed' ? crashed.lost : 0
    return lost === 0 ? '' : `, and ${lost} of its writes ${lost === 1 ? 'is' : 'are'} lost`
  }

  #server(id: NodeId, record: ServerRecord): void {
    this.records.push({ kind: 'server', ...runOf(serverOf(this.#step.state, id)), record })
  }
}

function runOf({ id, incarnation, starts }: ServerState): RunName {
  return { node: id, incarnation, run: `${id}.${starts}` }
}
