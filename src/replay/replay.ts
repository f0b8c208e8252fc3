import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { canonicalJson } from '../core/digest.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { roleNames } from '../core/roles.ts'
import { type EventRecord, type RecordLine, type RunRecord, roleRecord } from '../journal/recording.ts'
import type { Service } from '../services/service.ts'
import { applyNode } from '../stepped/apply.ts'
import { afterCrash, type Disk, unsyncedWrites } from '../stepped/disk.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type NodeSettings, usualNodeSettings } from '../stepped/settings.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import { Invariants } from '../verify/invariants.ts'

/** The run that was recorded is not the one that the machines take. */
export class Divergence extends Error {
  override readonly name = 'Divergence'

  constructor({ node, clock }: RecordLine, what: string) {
    super(`server ${node}, clock ${clock}: ${what}`)
  }
}

interface Server {
  readonly settings: NodeSettings
  readonly state: NodeState
}

/**
 * Runs again what servers recorded: each event through the same machines, router and replica, moved by src/core/step.ts. Give it
 * the lines of all servers in order (`inOrder`).
 */
export class Replay {
  readonly #service: Service
  /** Whose lines there are: what others said cannot be looked up. */
  readonly #recorded: ReadonlySet<NodeId>
  readonly #servers = new Map<NodeId, Server>()
  /** Fingerprints of what each server said to each. */
  readonly #said = new Map<string, Set<number>>()
  readonly #requested = new Set<string>()
  readonly #judge: Invariants | null
  /** Events that came out as they were recorded. */
  events = 0
  /** Messages that were heard, each said before. */
  heard = 0

  constructor(lines: readonly RecordLine[], service: Service) {
    this.#service = service
    this.#recorded = new Set(lines.map(({ node }) => node))
    const runs = lines.filter((line) => 'run' in line)
    const [first] = runs
    if (first === undefined) throw new Error('nothing is recorded: no server says what it began with')
    const other = runs.find(({ run }) => run.cluster !== first.run.cluster)
    if (other !== undefined) {
      throw new Error(
        `the recordings are of two clusters, '${first.run.cluster}' and '${other.run.cluster}': give those of one`,
      )
    }
    const { founders, service: name } = first.run
    if (name !== service.name) {
      throw new Error(`the recording is of the service '${name}', and it is to be run with '${service.name}'`)
    }
    this.#judge = isWholeHistory(
      runs,
      founders.map(({ id }) => id),
    )
      ? Invariants.begin({ founders, service: name })
      : null
  }

  /** True when the invariants are judged: every founder was recorded from its first start on. */
  get isJudged(): boolean {
    return this.#judge !== null
  }

  /**
   * Runs the next line again. Throws a `Divergence` when a role comes out otherwise than recorded, when a message was heard
   * that nobody had said, or when a server began with something else than its disk can have held; and a `Violation` when an
   * invariant is broken.
   */
  take(line: RecordLine): void {
    if ('run' in line) this.#begin(line)
    else this.#happen(line)
  }

  #begin(line: RunRecord): void {
    const { node, run } = line
    const before = this.#servers.get(node)
    if (before?.state.running != null) this.#end(before, line)
    const disk: Disk = { durable: run.durable, chosen: run.chosen, syncing: [], waiting: [] }
    const settings: NodeSettings = {
      ...usualNodeSettings,
      self: node,
      incarnation: run.incarnation,
      timing: run.timing,
      limits: run.limits,
      replicas: replicasOf({ service: this.#service, members: run.founders }),
      digestEvery: 1,
      pageBatches: null,
    }
    this.#servers.set(node, { settings, state: { disk, running: null } })
  }

  /** It had stopped or been killed: what it began with again must be on its disk after some of the unsynced writes. */
  #end({ settings, state }: Server, line: RunRecord): void {
    const found = canonicalJson({ durable: line.run.durable, chosen: line.run.chosen })
    const unsynced = unsyncedWrites(state.disk)
    const survived = Array.from({ length: unsynced + 1 }, (_, count) => count).find((count) => {
      const { durable, chosen } = afterCrash(state.disk, count)
      return canonicalJson({ durable, chosen }) === found
    })
    if (survived === undefined) {
      const { durable } = state.disk
      throw new Divergence(
        line,
        `it began with ${JSON.stringify(line.run.durable)}, but its disk held ${JSON.stringify(durable)} and ${unsynced} unsynced writes`,
      )
    }
    this.#observe(applyNode(state, { type: 'crash', survived }, settings, 0), line.node)
  }

  #happen(line: EventRecord): void {
    const server = this.#servers.get(line.node)
    if (server === undefined) throw new Divergence(line, 'it is not said what it began with')
    this.#lookUp(line)
    let step: NodeStep
    try {
      step = applyNode(server.state, line.event, server.settings, line.nowMs)
    } catch (error) {
      throw new Divergence(line, `${line.event.type} cannot happen here: ${(error as Error).message}`)
    }
    this.#servers.set(line.node, { ...server, state: step.state })
    this.#observe(step, line.node)
    for (const role of roleNames) this.#compare(line, role, step.state)
    this.events += 1
  }

  /** A message that a recorded server sent must have been said by it before. */
  #lookUp(line: EventRecord): void {
    const { node, event } = line

    if (event.type === 'request') {
      const { type: _, ...request } = event.message
      const name = `${request.uid} ${request.seq}`
      if (!this.#requested.has(name)) this.#judge?.observe({ type: 'requested', request })
      this.#requested.add(name)
    }
    if (event.type !== 'hear' || !this.#recorded.has(event.sender)) return
    if (!this.#said.get(`${event.sender} ${node}`)?.has(fingerprint(event.message))) {
      throw new Divergence(
        line,
        `it heard of server ${event.sender} what that had not said: ${JSON.stringify(event.message)}`,
      )
    }
    this.heard += 1
  }

  #observe({ facts, sends }: NodeStep, node: NodeId): void {
    for (const { to, message } of sends) {
      const name = `${node} ${to}`
      const said = this.#said.get(name) ?? new Set()
      this.#said.set(name, said.add(fingerprint(message)))
    }
    for (const fact of facts) this.#judge?.observe(fact)
  }

  #compare(line: EventRecord, role: RoleName, { running }: NodeState): void {
    const recorded = line.roles[role]
    const snapshot = running?.roles[role]
    if (recorded === undefined || snapshot === undefined) return
    const replayed = roleRecord(snapshot)
    if (canonicalJson(replayed.value) !== canonicalJson(recorded.value)) {
      throw new Divergence(
        line,
        `on ${line.event.type}, the ${role} was recorded in ${JSON.stringify(recorded.value)} and comes out in ${JSON.stringify(replayed.value)}`,
      )
    }
    if (replayed.context !== recorded.context) {
      throw new Divergence(
        line,
        `on ${line.event.type}, the ${role} is in ${JSON.stringify(recorded.value)} as recorded, but its context comes out as ${JSON.stringify(snapshot.context)}`,
      )
    }
  }
}

function isWholeHistory(runs: readonly RunRecord[], founders: readonly NodeId[]): boolean {
  return founders.every((id) => {
    const first = runs.find(({ node }) => node === id)
    return first?.run.durable.promised === null && first.run.durable.firstUnchosen === 0
  })
}
