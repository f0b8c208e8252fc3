import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { canonicalJson } from '../core/digest.ts'
import { fingerprint } from '../core/fingerprint.ts'
import { type Invariant, judgedBy } from '../core/invariants.ts'
import { roleNames } from '../core/roles.ts'
import {
  type JournalEvent,
  type JournalLine,
  type JournalStart,
  journalRole,
} from '../journal/journal-lines.ts'
import type { Service } from '../services/service.ts'
import { applyNode } from '../stepped/apply.ts'
import { afterCrash, type Disk, unsyncedWrites } from '../stepped/disk.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type NodeSettings, usualNodeSettings } from '../stepped/settings.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import { Invariants } from '../verify/invariants.ts'

/** The machines come to something else than the journal has. */
export class Divergence extends Error {
  override readonly name = 'Divergence'

  constructor({ node, clock }: JournalLine, what: string) {
    super(`server ${node}, clock ${clock}: ${what}`)
  }
}

interface Server {
  readonly settings: NodeSettings
  readonly state: NodeState
}

/**
 * Runs the journals of servers again: each event through the same machines, router and replica, moved by src/core/step.ts. Give it
 * the lines of all servers in order (`inOrder`).
 */
export class Replay {
  readonly #service: Service
  /** Whose lines there are: what others said cannot be looked up. */
  readonly #known: ReadonlySet<NodeId>
  readonly #servers = new Map<NodeId, Server>()
  /** Fingerprints of what each server said to each. */
  readonly #said = new Map<string, Set<number>>()
  readonly #requested = new Set<string>()
  readonly #judge: Invariants | null
  /** Events that came out as in the journals. */
  events = 0
  /** Messages that were heard, each said before. */
  heard = 0

  constructor(lines: readonly JournalLine[], service: Service) {
    this.#service = service
    this.#known = new Set(lines.map(({ node }) => node))
    const runs = lines.filter((line) => 'run' in line)
    const [first] = runs
    if (first === undefined) throw new Error('the journals are empty: no server says what it began with')
    const other = runs.find(({ run }) => run.cluster !== first.run.cluster)
    if (other !== undefined) {
      throw new Error(
        `the journals are of two clusters, '${first.run.cluster}' and '${other.run.cluster}': give those of one`,
      )
    }
    const { founders, service: name } = first.run
    if (name !== service.name) {
      throw new Error(`the journal is of the service '${name}', and not of '${service.name}'`)
    }
    this.#judge = isWholeHistory(
      runs,
      founders.map(({ id }) => id),
    )
      ? Invariants.begin({ founders, service: name })
      : null
  }

  /** The invariants that are judged: none unless the journal of every founder begins at its first start. */
  get judged(): readonly Invariant[] {
    if (this.#judge === null) return []
    return judgedBy({ evidence: ['facts'], isWholeHistory: true, service: this.#service.name })
  }

  /**
   * Runs the next line again. Throws a `Divergence` when a role comes out otherwise than in the journal, when a message was heard
   * that nobody had said, or when a server began with something else than its disk can have held; and a `Violation` when an
   * invariant is broken.
   */
  take(line: JournalLine): void {
    if ('run' in line) this.#begin(line)
    else this.#happen(line)
  }

  #begin(line: JournalStart): void {
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
  #end({ settings, state }: Server, line: JournalStart): void {
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

  #happen(line: JournalEvent): void {
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

  /** A message from a server that has a journal must have been sent by it before. */
  #lookUp(line: JournalEvent): void {
    const { node, event } = line

    if (event.type === 'request') {
      const { type: _, ...request } = event.message
      const name = `${request.uid} ${request.seq}`
      if (!this.#requested.has(name)) this.#judge?.observe({ type: 'requested', request })
      this.#requested.add(name)
    }
    if (event.type !== 'hear' || !this.#known.has(event.sender)) return
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

  #compare(line: JournalEvent, role: RoleName, { running }: NodeState): void {
    const written = line.roles[role]
    const snapshot = running?.roles[role]
    if (written === undefined || snapshot === undefined) return
    const replayed = journalRole(snapshot)
    if (canonicalJson(replayed.value) !== canonicalJson(written.value)) {
      throw new Divergence(
        line,
        `on ${line.event.type}, the journal has the ${role} in ${JSON.stringify(written.value)}, and it comes out in ${JSON.stringify(replayed.value)}`,
      )
    }
    if (replayed.context !== written.context) {
      throw new Divergence(
        line,
        `on ${line.event.type}, the ${role} is in ${JSON.stringify(written.value)} as in the journal, but its context comes out as ${JSON.stringify(snapshot.context)}`,
      )
    }
  }
}

function isWholeHistory(runs: readonly JournalStart[], founders: readonly NodeId[]): boolean {
  return founders.every((id) => {
    const first = runs.find(({ node }) => node === id)
    return first?.run.durable.promised === null && first.run.durable.firstUnchosen === 0
  })
}
