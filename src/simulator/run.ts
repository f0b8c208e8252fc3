/** A complete run of a plan: first a storm, then no faults, until the cluster must be idle. */
import type { Json, NodeId } from '../../machines/batch.ts'
import { otherLeader } from '../../machines/hand-over.ts'
import { defaultLimits, replicatedLimits } from '../../machines/limits.ts'
import { countedMembers } from '../../machines/members.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'
import { isQuorum } from '../../machines/quorum.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { Fact } from '../core/facts.ts'
import { judgedBy } from '../core/invariants.ts'
import type { InspectorRecord } from '../inspect/records/record.ts'
import { unlockCommand } from '../services/lock-commands.ts'
import type { Plant } from '../stepped/settings.ts'
import { History, type Operation } from '../verify/history.ts'
import type { Beliefs } from '../verify/leases.ts'
import { checkProgress, checkQuiet, type RequestName } from '../verify/liveness.ts'
import { readCommand } from '../verify/register-service.ts'
import type { PendingRequest, SimulatedClient } from './client.ts'
import { SimulatedCluster } from './cluster.ts'
import { Coverage } from './coverage.ts'
import type { SimulatedDatagram } from './datagram.ts'
import { Judge, judgementOf } from './judge.ts'
import { judgeHistory } from './judge-history.ts'
import { type Cost, checkCost, limitsAtRest, longestAfterFaultsMs, Measures } from './measures.ts'
import type { Wire } from './network.ts'
import { Operator } from './operator.ts'
import type { ClientPlan, Plan } from './plan.ts'
import { type Process, run, sleep, until } from './process.ts'
import { Program, type ProgramOptions } from './program.ts'
import { RunRecorder } from './run-recorder.ts'
import { failureOf, type RunFailure, type RunReport } from './run-report.ts'
import { serviceOf } from './services.ts'
import type { Situation } from './situations.ts'
import { Storm } from './storm.ts'

export interface RunOptions {
  /** Plants a deliberate fault, to test the checks. */
  readonly plant?: Plant
  /** The replicated states of the servers are compared after every `digestEvery` instances. Default 8. */
  readonly digestEvery?: number
  /** Receives each datagram that a running server is about to receive. */
  readonly heard?: (datagram: SimulatedDatagram) => void
  /** Receives the history of the clients at the end of the run, also when the run failed. */
  readonly ended?: (operations: readonly Operation[]) => void
  /** Receives a line with its time for every fact and every other event. The same plan gives the same lines. */
  readonly told?: (line: string) => void
  /** The codec for a plan whose messages travel as bytes, such as `codecWire`. */
  readonly wire?: (datagramBytes: number, nowMs: () => number) => Wire
  /** Receives the records for the inspector during the run. */
  readonly recorded?: (record: InspectorRecord) => void
}

/** A digest costs time in proportion to the state. Outcomes are compared at every instance. */
const usualDigestEvery = 8
/** The time after the last answer within which the cluster must become idle. */
const quietMs = 60_000
/** The time after an answer in an idle cluster, until the cluster is idle again. */
const settledAfterMs = 2_000
/** The longest time for the requests to all servers, one server after another. */
const longestToAskAllMs = 300_000

/**
 * Runs a plan to its end, or to the first violation. Throws an `Error` when messages are to travel as bytes and no codec is
 * given.
 */
export function runPlan(plan: Plan, options: RunOptions = {}): RunReport {
  const world = new Run(plan, options)
  let failure: RunFailure | null = null
  try {
    world.runToEnd()
    world.recordEnd(null)
  } catch (error) {
    failure = world.failed(error)
    world.recordEnd(error)
  }
  options.ended?.(world.operations)
  return world.report(failure)
}

class Run {
  readonly #plan: Plan
  readonly #coverage: Coverage
  /** Judges the cost of a run without faults; `null` for a run with faults. */
  readonly #measures: Measures | null
  readonly #cluster: SimulatedCluster
  readonly #judge: Judge
  readonly #operator: Operator
  readonly #storm: Storm
  readonly #programs: Program[] = []
  readonly #history = new History()
  #searched = 0
  #executed = 0
  #stored = 0
  #steps = 0
  #operatorClients = 0
  readonly #recorder: RunRecorder | null

  constructor(plan: Plan, options: RunOptions) {
    const { plant, digestEvery = usualDigestEvery, heard, told, recorded, wire } = options
    this.#plan = plan
    this.#measures = plan.faults.length === 0 ? new Measures() : null
    const { seed, servers, service, ttlMs, datagramBytes, snapshotEvery, quotaBytes } = plan
    if (datagramBytes !== undefined && wire === undefined) {
      throw new Error(
        `the plan sends datagrams of ${datagramBytes} bytes and needs a codec: give the option wire`,
      )
    }
    const packed =
      datagramBytes === undefined || wire === undefined
        ? {}
        : { wire: (nowMs: () => number) => this.#coverage.overWire(wire(datagramBytes, nowMs)) }
    this.#coverage = new Coverage((id) => this.#operator.isRetired(id))
    const happened = (what: Situation) => this.#happened(what)
    const recorder = recorded === undefined ? null : new RunRecorder(recorded, serviceOf(service))
    this.#recorder = recorder
    this.#cluster = new SimulatedCluster({
      seed,
      servers,
      service: serviceOf(service),
      ttlMs,
      limits: { ...defaultLimits, ...(snapshotEvery !== undefined && { snapshotEvery }) },
      ...(quotaBytes !== undefined && { replicatedLimits: { ...replicatedLimits, quotaBytes } }),
      digestEvery,
      ...packed,
      ...(recorder?.surroundings(plant) ?? (plant === undefined ? {} : { plant })),
      heard: (server, datagram) => {
        heard?.(datagram)
        this.#coverage.heard(server, datagram)
      },
      met: happened,
      moved: (node, before, after) => this.#judge.moved(node, before, after),
      observe: (fact) => this.#observe(fact),
    })
    const { founders, timeline } = this.#cluster
    recorder?.begin(this.#cluster)
    const beliefs: Beliefs = {
      believerIn: (uid) => this.#cluster.clients.find((client) => client.believesIn(uid))?.name ?? null,
      heldLocks: () => this.#programs.flatMap((program) => program.held),
    }
    this.#judge = new Judge(timeline, { founders, service, beliefs }, told ?? null)
    this.#operator = new Operator(this.#cluster, (first) => this.#operatorClient(first), happened)
    const clients = [...plan.clients.keys()].map(clientName)
    this.#storm = new Storm(plan.faults, {
      seed,
      cluster: this.#cluster,
      operator: this.#operator,
      clients,
      happened,
    })
    plan.clients.forEach((client, index) => {
      timeline.schedule(client.beginsAtMs, () => this.#begin(clientName(index), client))
    })
  }

  /** The history of the clients so far. */
  get operations(): readonly Operation[] {
    return this.#history.operations
  }

  /** Runs the plan to its end. Throws a `Violation`, or the error of a machine. */
  runToEnd(): void {
    const { stormMs, clients } = this.#plan
    this.#cluster.start()
    const isAnswered = () =>
      this.#programs.length === clients.length &&
      this.#programs.every((program) => program.isDone) &&
      this.#operator.isIdle
    this.#advance(stormMs, () => false)
    this.#storm.end()
    if (!this.#advance(stormMs + longestAfterFaultsMs(this.#plan), isAnswered)) this.#failProgress()
    // A server that was away while all servers that it knows were removed asks them until another server sends to it. Such a server is
    // not idle before `#finishAsking`.
    if (this.#isInTouch) this.#rest()
    this.#finishAsking()
    this.#rest()
    // Requests for a lock wait while another client holds it, so only registers have a bound.
    if (this.#plan.service === 'register') {
      this.#measures?.end(this.#history.operations, this.#cluster.network.sent, this.#plan.servers)
    }
    this.#searched = judgeHistory(this.#history, this.#plan.service)
  }

  failed(error: unknown): RunFailure {
    return failureOf(error, this.#steps, this.#cluster.timeline.nowMs)
  }

  /** Ends the recording with the error of the run, `null` for a run without failure. */
  recordEnd(error: unknown): void {
    this.#recorder?.ended(error)
  }

  report(failure: RunFailure | null): RunReport {
    const { timeline, network } = this.#cluster
    return {
      virtualMs: Math.ceil(timeline.nowMs),
      steps: this.#steps,
      datagrams: network.sent,
      instances: this.#coverage.instances,
      operations: this.#history.operations.length,
      searched: this.#searched,
      counts: this.#coverage.counts,
      judged: failure === null ? judgedBy(judgementOf(this.#plan.service, true)) : [],
      failure,
    }
  }

  #begin(name: string, { server, lanes }: ClientPlan): void {
    const { timeline } = this.#cluster
    const options: ProgramOptions = {
      client: this.#client(name, server),
      lanes,
      timeline,
      endsAtMs: this.#plan.stormMs,
      name,
      ended: (request, outcome) => this.#ended(request, outcome),
      happened: (what) => this.#happened(what),
    }
    this.#programs.push(new Program(options))
  }

  /** A client of all servers of the run, including those that join later. */
  #client(name: string, first: NodeId): SimulatedClient {
    const ids = new Set(this.#cluster.servers.map(({ id }) => id))
    for (const fault of this.#plan.faults) if (fault.kind === 'join') ids.add(fault.server)
    return this.#cluster.client(name, [...ids], [...ids].indexOf(first))
  }

  #operatorClient(first: NodeId): SimulatedClient {
    this.#operatorClients += 1
    return this.#client(`operator-${this.#operatorClients}`, first)
  }

  #happened(what: Situation): void {
    this.#judge.note(what)
    this.#coverage.count(what)
  }

  #observe(fact: Fact): void {
    this.#recorder?.observe(fact)
    const node = 'node' in fact ? (this.#cluster.find(fact.node)?.node ?? null) : null
    this.#judge.observe(fact, node?.replica.clockMs ?? null)
    this.#measures?.observe(fact)
    if (fact.type === 'stored') this.#stored += 1
    if (fact.type === 'executed') {
      this.#executed += 1
      this.#history.executed(fact.execution, this.#cluster.timeline.nowMs)
    }
    if (fact.type === 'requested' && fact.request.command.kind === 'service') {
      const { uid, seq, command } = fact.request
      this.#history.called(uid, seq, command.body, this.#cluster.timeline.nowMs)
    }
    if (fact.type === 'read.asked') {
      const { uid, seq, body } = fact
      this.#history.called(uid, seq, body, this.#cluster.timeline.nowMs)
    }
    this.#coverage.observe(fact, node)
  }

  /** Advances until `isOver` and returns true. Returns false at `untilMs`, or when no event is scheduled any more. */
  #advance(untilMs: number, isOver: () => boolean): boolean {
    const { timeline } = this.#cluster
    for (;;) {
      if (isOver()) return true
      const { nextAtMs } = timeline
      if (nextAtMs === null || nextAtMs > untilMs) return false
      this.#steps += 1
      timeline.advance()
    }
  }

  /** Each running server knows a quorum of running members. */
  get #isInTouch(): boolean {
    const { servers } = this.#cluster
    return servers.every(({ node }) => {
      if (node === null) return true
      const counted = countedMembers(node.replica.members)
      return isQuorum(
        counted,
        counted.filter((id) => this.#cluster.find(id)?.node != null),
      )
    })
  }

  /** Without outstanding requests the cluster must become idle. */
  #rest(): void {
    const { timeline, network } = this.#cluster
    this.#advance(timeline.nowMs + quietMs, () => false)
    checkQuiet({ datagrams: network.onTheWay, timers: timeline.size - network.onTheWay })
  }

  #failProgress(): void {
    const { timeline } = this.#cluster
    const waitedMs = Math.floor(timeline.nowMs) - this.#plan.stormMs
    const unanswered = this.#programs.flatMap((program) => program.unanswered)
    const changes = this.#operator.isIdle ? [] : [{ uid: 'operator', seq: 0 }]
    checkProgress([...unanswered, ...changes], waitedMs)
  }

  /** Sends requests to each server, which must answer. */
  #finishAsking(): void {
    const untilMs = this.#cluster.timeline.nowMs + longestToAskAllMs
    let isOver = false
    run(this.#askEach(), () => {
      isOver = true
    })
    if (!this.#advance(untilMs, () => isOver)) checkProgress([{ uid: 'last', seq: 0 }], longestToAskAllMs)
  }

  /**
   * Sends requests to each server. Every counted server must get its requests chosen, and catch up with the instances that it missed.
   * The last request at each server must cost as little as in a run without faults.
   */
  *#askEach(): Process {
    for (const { id, node } of this.#cluster.servers) {
      if (node === null) continue
      for (const [turn, limit] of limitsAtRest.entries()) {
        const cost = yield* this.#costAt(id, turn)
        const counted = countedMembers(this.#cluster.members)
        // A removed server rejects its clients; or it does not know that it was removed, and cannot get a batch chosen.
        if (!counted.includes(id)) break
        checkCost(cost, limit, counted.length, `request ${turn + 1} at server ${id}`)
      }
    }
  }

  /** The cost of a request of a new client at the server `id`. */
  *#costAt(id: NodeId, turn: number): Process<Cost> {
    const { timeline, network } = this.#cluster
    const { nowMs } = timeline
    const { sent } = network
    const executed = this.#executed
    const stored = this.#stored
    const body = this.#plan.service === 'lock' ? unlockCommand('last') : readCommand('last')
    const isHandedOver = this.#hasOtherLeader(id)
    yield* this.#ask(this.#client(`last-${id}-${turn}`, id), body)
    const tookMs = timeline.nowMs - nowMs
    yield* sleep(timeline, settledAfterMs)
    return {
      tookMs,
      datagrams: network.sent - sent,
      executed: this.#executed - executed,
      isHandedOver,
      stored: this.#stored - stored,
    }
  }

  /** True when the server `id` hands its requests over to another server. */
  #hasOtherLeader(id: NodeId): boolean {
    const queue = this.#cluster.find(id)?.node?.roles.requestQueue.context as RequestQueueContext | undefined
    return queue !== undefined && otherLeader(queue) !== null
  }

  /** Sends a request and waits for its outcome. When the session was forgotten, the request is sent again under a new name. */
  *#ask(client: SimulatedClient, body: Json): Process {
    let pending: PendingRequest | null = null
    for (;;) {
      const outcome = yield* until<Outcome>((resume) => {
        pending = client.ask({ kind: 'service', body }, resume)
      })
      const id = (pending as PendingRequest | null)?.id
      if (id) this.#ended(id, outcome)
      if (outcome.kind !== 'refused') return
    }
  }

  #ended({ uid, seq }: RequestName, outcome: Outcome | ReadOutcome): void {
    this.#history.ended(uid, seq, outcome, this.#cluster.timeline.nowMs)
  }
}

function clientName(index: number): string {
  return `client-${index}`
}
