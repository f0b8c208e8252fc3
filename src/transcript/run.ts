/** Runs the commands of a transcript, and reports the happenings. */

import { applyEvent, foundCluster } from '../schedule/apply.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
  type EndingSession,
  foundedCluster,
} from '../schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../schedule/events.ts'
import { Judge } from '../schedule/judge.ts'
import { nextInOrder } from '../schedule/settle.ts'
import { knownServices } from '../services/known.ts'
import type { TranscriptCommand } from './command.ts'
import { expectState } from './expect.ts'
import { happeningLines } from './happening.ts'
import { parseCommand } from './parse.ts'
import { eventsOf, eventText } from './resolve.ts'
import { showCluster } from './show.ts'

/** The greatest number of events of a `settle`. A transcript that never becomes idle stops here. */
const settleLimit = 2_000

interface Cluster {
  readonly settings: ClusterSettings
  readonly ending: EndingSession | null
  readonly snapshotEvery: number | null
  readonly judge: Judge
  readonly state: ClusterState
}

export interface TranscriptOptions {
  /** Replaces a part of the cluster, for a test that plants a deliberate fault. */
  readonly adapt?: (settings: ClusterSettings) => ClusterSettings
}

/** A run of a transcript. It executes one command after another. */
export class TranscriptRun {
  readonly #options: TranscriptOptions
  #cluster: Cluster | null = null
  readonly #events: ClusterEvent[] = []

  constructor(options: TranscriptOptions = {}) {
    this.#options = options
  }

  /** The present state of the cluster. Throws when no cluster has been founded. */
  get state(): ClusterState {
    return this.#founded.state
  }

  /** The events of all lines so far, in order. A line may have several events. */
  get events(): readonly ClusterEvent[] {
    return this.#events
  }

  /** Throws when no cluster has been founded. */
  get settings(): ClusterSettings {
    return this.#founded.settings
  }

  /** The session that ends by itself; `null` for none. Throws when no cluster has been founded. */
  get ending(): EndingSession | null {
    return this.#founded.ending
  }

  /** After how many requests a server takes a snapshot; `null` for never. Throws when no cluster has been founded. */
  get snapshotEvery(): number | null {
    return this.#founded.snapshotEvery
  }

  get #founded(): Cluster {
    if (this.#cluster === null) throw new Error('a transcript begins with: servers 3')
    return this.#cluster
  }

  /**
   * Executes one line, and reports each happening as a line to `report`. Throws when the line is not a command or cannot be executed, when
   * a role throws, when an expectation is not met, and a `Violation` when an invariant is broken.
   */
  run(line: string, report: (line: string) => void): void {
    const command = parseCommand(line)
    switch (command.verb) {
      case 'servers':
        this.#found(command, report)
        return
      case 'settle':
        this.#settle(command, report)
        return
      case 'expect':
        expectState(this.state, command.actor, command.state)
        return
      case 'show':
        for (const shown of showCluster(this.state)) report(shown)
        return
      default: {
        const events = eventsOf(this.state, command)
        // A single event needs no heading. When a line causes several events, each gets its own.
        const isNested = command.verb === 'all'
        for (const event of events) this.#happen(event, report, isNested)
      }
    }
  }

  #found(
    { count, service, ending, snapshotEvery }: Extract<TranscriptCommand, { verb: 'servers' }>,
    report: (line: string) => void,
  ): void {
    if (this.#cluster !== null) throw new Error('the cluster is founded already')
    if (count === 0) throw new Error('a cluster has at least one server')
    const usual = {
      ...clusterSettings(count, knownServices[service], ending, snapshotEvery),
      digestEvery: 1,
    }
    const settings = this.#options.adapt?.(usual) ?? usual
    this.#cluster = {
      settings,
      ending,
      snapshotEvery,
      judge: Judge.begin(settings, service),
      state: foundedCluster(settings),
    }
    this.#take(foundCluster(settings), report)
  }

  #settle(
    { withTimers, quietly }: Extract<TranscriptCommand, { verb: 'settle' }>,
    report: (line: string) => void,
  ): void {
    for (let events = 0; ; events += 1) {
      const event = nextInOrder(this.state, { withTimers })
      if (event === null) {
        if (quietly) report(`${events} events`)
        return
      }
      if (events === settleLimit) throw new Error(`the cluster is not idle after ${settleLimit} events`)
      this.#happen(event, quietly ? () => undefined : report, true)
    }
  }

  #happen(event: ClusterEvent, report: (line: string) => void, isNested: boolean): void {
    if (isNested) report(eventText(this.state, event))
    this.#events.push(event)
    const step = applyEvent(this.state, event, this.#founded.settings)
    this.#take(step, isNested ? (line) => report(`  ${line}`) : report)
  }

  /** Reports the happenings before it judges them, so that a transcript ends with the happenings that broke an invariant. */
  #take(step: ClusterStep, report: (line: string) => void): void {
    const cluster = this.#founded
    this.#cluster = { ...cluster, state: step.state }
    for (const line of happeningLines(step.happenings)) report(line)
    cluster.judge.judge(cluster.state, step)
  }
}
