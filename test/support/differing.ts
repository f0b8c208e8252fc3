/**
 * A small cluster whose servers may run services of different behavior. Nobody judges that their states are equal: that is what the servers
 * are to find out themselves. No timer fires unless the test says so, and no time passes.
 */

import type { Difference } from '../../machines/auditing.ts'
import type { Command, NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { foundingIncarnation, foundingMembers } from '../../machines/members.ts'
import type { NodeMessage, Response } from '../../machines/messages.ts'
import { isOfRead, type Outcome } from '../../machines/outcome.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { delayName, stateName } from '../../src/core/chart-names.ts'
import type { SentMessage } from '../../src/core/driver.ts'
import { messageOf } from '../../src/core/message-of.ts'
import { serverAddress, uidOf } from '../../src/core/names.ts'
import type { NodeEvent } from '../../src/core/node-event.ts'
import type { Service } from '../../src/services/service.ts'
import { applyNode } from '../../src/stepped/apply.ts'
import { replicasOf } from '../../src/stepped/replicas.ts'
import { type NodeSettings, type Plant, usualNodeSettings } from '../../src/stepped/settings.ts'
import { type NodeState, neverStarted } from '../../src/stepped/state.ts'

/** A service whose result is the number of its requests, plus what `quirk` adds for that request. */
export function counting(quirk: (request: number) => number): Service {
  return {
    name: 'counting',
    initial: () => 0,
    parse: (body: unknown) => body,
    execute: (state: number) => ({
      ...{ kind: 'executed', state: state + 1 },
      result: state + 1 + quirk(state + 1),
    }),
    snapshot: (state: number) => [state],
    restore: ([state]: readonly number[]) => state,
  } as unknown as Service
}

/** A datagram in flight. */
export interface Flight extends SentMessage {
  readonly from: NodeId
}

export class DifferingCluster {
  readonly #settings: readonly NodeSettings[]
  readonly #nodes: NodeState[]
  readonly #halted: (string | null)[]
  readonly #answers: Response[] = []
  /** In the order of sending. */
  flying: Flight[] = []

  /** One server for each of `services`, with its service. */
  constructor(services: readonly Service[], plant: Plant = (settings) => settings) {
    const founders = foundingMembers(services.map((_, id) => ({ id, address: serverAddress(id) })))
    this.#settings = services.map((service, self) => {
      const replicas = replicasOf({ service, members: founders, sessions: ['a', 'b', 'c'].map(uidOf) })
      const incarnation = foundingIncarnation(self)
      const parts = { self, incarnation, timing: defaultTiming, limits: defaultLimits, replicas }
      return plant({ ...usualNodeSettings, ...parts })
    })
    this.#nodes = services.map(() => neverStarted)
    this.#halted = services.map(() => null)
    for (const id of this.#nodes.keys()) this.happen(id, { type: 'start', randomSeed: 1 })
  }

  /** The reason for which each server halted; `null` for one that runs. */
  get halted(): readonly (string | null)[] {
    return this.#halted
  }

  /** The state of a role of each server. */
  states(role: RoleName): readonly string[] {
    return this.#nodes.map(({ running }) =>
      running === null ? 'down' : stateName(running.roles[role].value),
    )
  }

  /** Where each server says that they differ. */
  get disputes(): readonly (Difference | null)[] {
    return this.#nodes.map(({ running }) => running?.memory.audit.dispute ?? null)
  }

  /** The number of instances that a server has executed. */
  executed(id: NodeId): number {
    return this.#nodes[id]?.running?.replica.firstUnexecuted ?? 0
  }

  /** An event at a server. One that halts is down from then on. */
  happen(id: NodeId, event: NodeEvent): void {
    const [settings, node] = [this.#settings[id], this.#nodes[id]]
    if (settings === undefined || node === undefined || this.#halted[id] !== null) return
    try {
      const step = applyNode(node, event, settings, 0)
      this.#nodes[id] = step.state
      this.flying.push(...step.sends.map((sent) => ({ from: id, ...sent })))
      for (const { message } of step.responses) if (message.type === 'response') this.#answers.push(message)
    } catch (error) {
      this.#halted[id] = messageOf(error)
      return
    }
    if ((this.#nodes[id]?.disk.syncing.length ?? 0) > 0) this.happen(id, { type: 'synced' })
  }

  /** A client asks a server. */
  ask(client: string, seq: number, server: NodeId, command: Command = { kind: 'service', body: seq }): void {
    const message = {
      type: 'request',
      uid: uidOf(client),
      ackedBelow: 0,
      requests: [{ seq, command }],
    } as const
    this.happen(server, { type: 'request', message, replyTo: client, timeMs: 0 })
  }

  /** The answer that the client received last to a request. */
  answerTo(client: string, seq: number): Outcome | undefined {
    const outcome = this.#answers
      .filter(({ uid }) => uid === uidOf(client))
      .flatMap(({ answers }) => answers)
      .findLast((answer) => answer.seq === seq)?.outcome
    return outcome === undefined || isOfRead(outcome) ? undefined : outcome
  }

  /** A datagram arrives. It stays in flight if `isRepeated`. */
  deliver(flight: Flight, isRepeated = false): void {
    if (!isRepeated) this.flying = this.flying.filter((other) => other !== flight)
    const { from, to, names, message } = flight
    this.happen(to, { type: 'hear', sender: from, names, from: serverAddress(from), message })
  }

  /** A datagram that nobody sent arrives, with the names of a real one from that server. */
  forge(from: NodeId, to: NodeId, message: NodeMessage): void {
    const names = { incarnation: foundingIncarnation(from), addressee: foundingIncarnation(to) }
    this.deliver({ from, to, names, address: serverAddress(to), message }, true)
  }

  /** Everything in flight arrives, and what follows from it. */
  settle(): void {
    for (let flight = this.flying[0]; flight !== undefined; flight = this.flying[0]) this.deliver(flight)
  }

  /** Fires a timer of a role if it is armed. */
  pass(id: NodeId, role: RoleName, delay: string): void {
    const timers = this.#nodes[id]?.running?.timers ?? []
    const timer = timers.find((armed) => armed.role === role && delayName(armed.id) === delay)
    if (timer !== undefined) this.happen(id, { type: 'timer', role, id: timer.id })
  }
}
