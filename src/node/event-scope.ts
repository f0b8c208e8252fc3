import type { NodeId } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import type { Observer } from '../inspect/report/observer.ts'
import type { JournalEvent } from '../journal/journal-lines.ts'
import { type Actors, type FiredTimer, timerOf } from './actors.ts'
import { LamportClock } from './lamport-clock.ts'
import { type EventRecorder, NodeJournal } from './node-journal.ts'

/** The watchers of a node's events. */
export interface EventWatchers {
  /** Writes every event to the journal. */
  readonly recorder?: EventRecorder | null
  /** Reports events to the inspector, as far as there is time. */
  readonly observer?: Observer | null
}

/** The environment of each event of a live node: its two clocks, the observer and the journal. */
export class EventScope {
  readonly clock: LamportClock
  readonly #actors: Actors
  readonly #observer: Observer | null
  readonly #journal: NodeJournal | null
  #nowMs = performance.now()
  /** The state on disk; `null` without an observer. */
  #durable: DurableState | null = null
  /** The timer that just fired. */
  #fired: FiredTimer | null = null

  constructor(self: NodeId, actors: Actors, { recorder = null, observer = null }: EventWatchers) {
    this.#actors = actors
    this.#observer = observer
    this.clock = new LamportClock(recorder?.lastClock ?? 0)
    this.#journal =
      recorder === null
        ? null
        : new NodeJournal(recorder, {
            self,
            snapshot: (role) => actors.snapshot(role),
            write: (write) => actors.persist(write),
          })
    if (recorder !== null) actors.watchTimers((timer) => this.#noteTimer(timer))
  }

  /** The value of the monotonic clock at the last event. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** True when a line of the journal must be written before a datagram leaves that its event caused. */
  get isJournaled(): boolean {
    return this.#journal !== null
  }

  /** The state on disk; `null` when nobody observes it. */
  get durable(): DurableState | null {
    return this.#durable
  }

  /**
   * Runs one event of the node: `run` executes it with all its consequences in this node. `event` returns the event for the
   * journal; `null` for none.
   */
  happen(event: () => JournalEvent['event'] | null, run: () => void): void {
    this.clock.tick()
    this.#nowMs = performance.now()
    const isObserved = this.#runObserved(run)
    if (isObserved || this.#journal !== null) this.#report(event(), isObserved)
    this.#observer?.over()
  }

  /** Runs the event of a timer, as `happen`. */
  fire(run: () => void): void {
    this.#fired = null
    this.happen(() => (this.#fired === null ? null : { type: 'timer', ...this.#fired }), run)
  }

  /** Reports that the roles are about to start with this state on disk. */
  starts(durable: DurableState): void {
    this.#observer?.starts(durable)
  }

  /** Handles a write that the current event asks for. */
  persist(write: Write): void {
    this.#observer?.asked(write)
    if (this.#journal === null) this.#actors.persist(write)
    else this.#journal.persist(write)
  }

  /** Records that a write of the acceptor is on disk. The event of that write follows. */
  synced(): void {
    this.#durable = this.#observer?.synced() ?? null
  }

  /** Reports a fact that the current event caused. */
  observe(fact: Fact): void {
    if (fact.type === 'executed') this.#observer?.executed(fact)
    else this.#observer?.fact(fact)
  }

  /** Only XState knows which timer fired. */
  #noteTimer(timer: FiredTimer | null): void {
    this.#fired ??= timer
  }

  #report(event: JournalEvent['event'] | null, isObserved: boolean): void {
    if (event === null) return
    if (isObserved) this.#observer?.ends(event)
    this.#journal?.record({ clock: this.clock.now, nowMs: this.#nowMs, event })
  }

  /**
   * Runs an event and returns whether the observer followed it. XState's inspection has a cost, so it is on only during an
   * observed event.
   */
  #runObserved(run: () => void): boolean {
    const observer = this.#observer
    if (observer === null || !observer.begins()) {
      run()
      return false
    }
    const inspection = this.#actors.inspect((inspected) => {
      this.#noteTimer(timerOf(inspected))
      observer.inspected(inspected)
    })
    try {
      run()
    } finally {
      inspection.unsubscribe()
    }
    return true
  }
}
