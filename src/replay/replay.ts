import { type NodeId, namedRequests } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { canonicalJson } from '../core/digest.ts'
import { batchesAfterSnapshot } from '../core/durable.ts'
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
import { afterCrash, type Disk, emptyDisk, unsyncedWrites } from '../stepped/disk.ts'
import { replicasOf } from '../stepped/replicas.ts'
import { type NodeSettings, usualNodeSettings } from '../stepped/settings.ts'
import type { NodeState, NodeStep } from '../stepped/state.ts'
import { Invariants } from '../verify/invariants.ts'

/** The replay differs from the journal. */
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
 * Replays the journals of servers: runs each event through the same machines, core and replica, with src/core/step.ts.
 * Pass the lines of all servers in order (`inOrder`).
 */
export class Replay {
  readonly #service: Service
  /** The servers that have a journal. Messages of other servers cannot be verified. */
  readonly #known: ReadonlySet<NodeId>
  readonly #servers = new Map<NodeId, Server>()
  /** For each pair of servers, the fingerprints of the messages that one sent to the other. */
  readonly #sent = new Map<string, Set<number>>()
  readonly #requested = new Set<string>()
  readonly #judge: Invariants | null
  /** The number of events that gave the same states as in the journals. */
  events = 0
  /** The number of received messages, each of which a replayed server had sent. */
  heard = 0

  constructor(lines: readonly JournalLine[], service: Service) {
    this.#service = service
    this.#known = new Set(lines.map(({ node }) => node))
    const runs = lines.filter((line) => 'run' in line)
    const [first] = runs
    if (first === undefined)
      throw new Error('the journals are empty: no journal contains the start of a server')
    const other = runs.find(({ run }) => run.cluster !== first.run.cluster)
    if (other !== undefined) {
      throw new Error(
        `the journals belong to two clusters, '${first.run.cluster}' and '${other.run.cluster}': give those of one`,
      )
    }
    const { founders, service: name } = first.run
    if (name !== service.name) {
      throw new Error(`the journal belongs to the service '${name}', not to '${service.name}'`)
    }
    this.#judge = isWholeHistory(
      runs,
      founders.map(({ id }) => id),
    )
      ? Invariants.begin({ founders, service: name })
      : null
  }

  /** The invariants that are judged: none, unless the journal of each founder begins at its first start. */
  get judged(): readonly Invariant[] {
    if (this.#judge === null) return []
    return judgedBy({ evidence: ['facts'], isWholeHistory: true, service: this.#service.name })
  }

  /**
   * Replays the next line. Throws a `Divergence` when a role differs from the journal, when a server received a message
   * that its sender had not sent, or when a server started with a state that its disk cannot have held. Throws a
   * `Violation` when an invariant is broken.
   */
  take(line: JournalLine): void {
    if ('run' in line) this.#begin(line)
    else this.#happen(line)
  }

  #begin(line: JournalStart): void {
    const { node, run } = line
    const before = this.#servers.get(node)
    if (before?.state.running != null) this.#end(before, line)
    // What the server had kept of a received snapshot stands in no line: it is what it kept in the run before.
    const disk = { ...diskAt(run), receiving: before?.state.disk.receiving ?? null }
    const settings: NodeSettings = {
      ...usualNodeSettings,
      self: node,
      incarnation: run.incarnation,
      trust: run.trust ?? [],
      withdrawn: run.withdrawn ?? null,
      mayBeCopied: true,
      timing: run.timing,
      limits: run.limits,
      replicas: replicasOf({ service: this.#service, members: run.founders }),
      digestEvery: 1,
      pageBatches: null,
    }
    this.#servers.set(node, { settings, state: { disk, running: null } })
  }

  /** The server had stopped or was killed. The state of its next start must be its disk with some of the unsynced writes. */
  #end({ settings, state }: Server, line: JournalStart): void {
    const found = diskText(diskAt(line.run))
    const unsynced = unsyncedWrites(state.disk)
    const survived = Array.from({ length: unsynced + 1 }, (_, count) => count).find((count) => {
      return diskText(afterCrash(state.disk, count)) === found
    })
    if (survived === undefined) {
      const { durable } = state.disk
      throw new Divergence(
        line,
        `it started with ${JSON.stringify(line.run.durable)}, but its disk held ${JSON.stringify(durable)} and ${unsynced} unsynced writes`,
      )
    }
    this.#observe(applyNode(state, { type: 'crash', survived }, settings, 0), line.node)
  }

  #happen(line: JournalEvent): void {
    const server = this.#servers.get(line.node)
    if (server === undefined) throw new Divergence(line, 'its journal does not contain its start')
    this.#checkInput(line)
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

  /** Checks the input of an event: a server that has a journal must have sent the message before. */
  #checkInput(line: JournalEvent): void {
    const { node, event } = line

    if (event.type === 'request' && event.message.type === 'request') {
      for (const request of namedRequests(event.message)) {
        const name = `${request.uid} ${request.seq}`
        if (!this.#requested.has(name)) this.#judge?.observe({ type: 'requested', request })
        this.#requested.add(name)
      }
    }
    if (event.type !== 'hear' || !this.#known.has(event.sender)) return
    if (!this.#sent.get(`${event.sender} ${node}`)?.has(fingerprint(event.message))) {
      throw new Divergence(
        line,
        `it received a message that server ${event.sender} had not sent: ${JSON.stringify(event.message)}`,
      )
    }
    this.heard += 1
  }

  #observe({ facts, sends }: NodeStep, node: NodeId): void {
    for (const { to, message } of sends) {
      const name = `${node} ${to}`
      const sent = this.#sent.get(name) ?? new Set()
      this.#sent.set(name, sent.add(fingerprint(message)))
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
        `on ${line.event.type}, the ${role} is in ${JSON.stringify(written.value)} in the journal, and in ${JSON.stringify(replayed.value)} in the replay`,
      )
    }
    if (replayed.context !== written.context) {
      throw new Divergence(
        line,
        `on ${line.event.type}, the ${role} is in ${JSON.stringify(written.value)} as in the journal, but its context in the replay is ${JSON.stringify(snapshot.context)}`,
      )
    }
  }
}

/** The disk at the start of a run. It holds no batch that its snapshot contains: no event of the run reads one. */
function diskAt({ durable, snapshot, chosen }: JournalStart['run']): Disk {
  const { snapshot: name } = durable
  const snapshots = name === null || snapshot === null ? [] : [{ name, text: snapshot }]
  return { ...emptyDisk, durable: { ...durable, floor: name?.instance ?? 0 }, chosen, snapshots }
}

/** What a start finds on a disk, as text. */
function diskText({ durable, chosen, snapshots }: Disk): string {
  const { promised, accepted, firstUnchosen, snapshot } = durable
  const found = { promised, accepted, firstUnchosen, snapshot }
  const text = snapshots.find(({ name }) => name.digest === snapshot?.digest)?.text ?? null
  return canonicalJson({ found, text, chosen: batchesAfterSnapshot({ durable, chosen }) })
}

function isWholeHistory(runs: readonly JournalStart[], founders: readonly NodeId[]): boolean {
  return founders.every((id) => {
    const first = runs.find(({ node }) => node === id)
    return first?.run.durable.promised === null && first.run.durable.firstUnchosen === 0
  })
}
