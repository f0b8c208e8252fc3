/** Runs the commands of a transcript, and tells what happened. */

import { applyEvent, foundCluster } from '../schedule/apply.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
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

/** More than any transcript needs to come to rest; one that goes on for ever is stopped there. */
const settleLimit = 2_000

interface Cluster {
  readonly settings: ClusterSettings
  readonly judge: Judge
  readonly state: ClusterState
}

export interface TranscriptOptions {
  /** Replaces a part of the cluster: for a test that plants a fault. */
  readonly adapt?: (settings: ClusterSettings) => ClusterSettings
}

/** A transcript that is being run: commands one after the other. */
export class TranscriptRun {
  readonly #options: TranscriptOptions
  #cluster: Cluster | null = null
  readonly #events: ClusterEvent[] = []

  constructor(options: TranscriptOptions = {}) {
    this.#options = options
  }

  /** The cluster now. Throws when none has been founded. */
  get state(): ClusterState {
    return this.#founded.state
  }

  /** What the lines so far made happen, in order: what a line that asks for several events asked for, one by one. */
  get events(): readonly ClusterEvent[] {
    return this.#events
  }

  /** Throws when no cluster has been founded. */
  get settings(): ClusterSettings {
    return this.#founded.settings
  }

  get #founded(): Cluster {
    if (this.#cluster === null) throw new Error('a transcript begins with: servers 3')
    return this.#cluster
  }

  /**
   * Carries out one line, and gives each line of what happened to `tell`. Throws when it is no command or cannot be carried out,
   * what a role throws, a `Violation` when an invariant is broken, and when an expectation is not met.
   */
  run(line: string, tell: (line: string) => void): void {
    const command = parseCommand(line)
    switch (command.verb) {
      case 'servers':
        this.#found(command, tell)
        return
      case 'settle':
        this.#settle(command, tell)
        return
      case 'expect':
        expectState(this.state, command.actor, command.state)
        return
      case 'show':
        for (const shown of showCluster(this.state)) tell(shown)
        return
      default: {
        const events = eventsOf(this.state, command)
        // What one line asks for needs no heading; a line that asks for several events is followed by each.
        const isNested = command.verb === 'all'
        for (const event of events) this.#happen(event, tell, isNested)
      }
    }
  }

  #found(
    { count, service }: Extract<TranscriptCommand, { verb: 'servers' }>,
    tell: (line: string) => void,
  ): void {
    if (this.#cluster !== null) throw new Error('the cluster is founded already')
    if (count === 0) throw new Error('a cluster has at least one server')
    const usual = { ...clusterSettings(count, knownServices[service]), digestEvery: 1 }
    const settings = this.#options.adapt?.(usual) ?? usual
    this.#cluster = { settings, judge: Judge.begin(settings, service), state: foundedCluster(settings) }
    this.#take(foundCluster(settings), tell)
  }

  #settle(
    { withTimers, quietly }: Extract<TranscriptCommand, { verb: 'settle' }>,
    tell: (line: string) => void,
  ): void {
    for (let events = 0; ; events += 1) {
      const event = nextInOrder(this.state, { withTimers })
      if (event === null) {
        if (quietly) tell(`${events} events`)
        return
      }
      if (events === settleLimit) throw new Error(`not at rest after ${settleLimit} events`)
      this.#happen(event, quietly ? () => undefined : tell, true)
    }
  }

  #happen(event: ClusterEvent, tell: (line: string) => void, isNested: boolean): void {
    if (isNested) tell(eventText(this.state, event))
    this.#events.push(event)
    const step = applyEvent(this.state, event, this.#founded.settings)
    this.#take(step, isNested ? (line) => tell(`  ${line}`) : tell)
  }

  /** What happened is told before it is judged: so a transcript ends with what broke an invariant. */
  #take(step: ClusterStep, tell: (line: string) => void): void {
    const cluster = this.#founded
    this.#cluster = { ...cluster, state: step.state }
    for (const line of happeningLines(step.happenings)) tell(line)
    cluster.judge.judge(cluster.state, step)
  }
}
