import type { InspectionEvent } from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { Write } from '../../machines/outputs.ts'
import type { DurableState } from '../core/durable.ts'
import type { Fact } from '../core/facts.ts'
import type { Observer } from '../inspect/report/observer.ts'
import type { JournalEvent } from '../journal/journal-lines.ts'
import { type Actors, type FiredTimer, timerOf } from './actors.ts'
import { LamportClock } from './lamport-clock.ts'
import { type EventRecorder, NodeJournal } from './node-journal.ts'

/** What watches the events of a node. */
export interface EventWatchers {
  /** Writes down every event. */
  readonly recorder?: EventRecorder | null
  /** Reports events, as far as there is time. */
  readonly observer?: Observer | null
}

/** What surrounds each event of a live node: its two clocks, the observer and the journal. */
export class EventScope {
  readonly clock: LamportClock
  readonly #actors: Actors
  readonly #observer: Observer | null
  readonly #journal: NodeJournal | null
  #nowMs = performance.now()
  /** What the disk holds, if somebody observes that. */
  #durable: DurableState | null = null
  /** The timer that has just fired. */
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
    if (recorder !== null) actors.inspect((inspected) => this.#noteTimer(inspected))
  }

  /** The monotonic clock at the last event. */
  get nowMs(): number {
    return this.#nowMs
  }

  /** What the disk holds; `null` when nobody observes that. */
  get durable(): DurableState | null {
    return this.#durable
  }

  /** One event of the node: `run` does it with all that follows from it here. `event` says which it was, `null` for none. */
  happen(event: () => JournalEvent['event'] | null, run: () => void): void {
    this.clock.tick()
    this.#nowMs = performance.now()
    const isObserved = this.#runObserved(run)
    if (isObserved || this.#journal !== null) this.#report(event(), isObserved)
    this.#observer?.over()
  }

  /** The event that a timer fires, which `run` does. */
  fire(run: () => void): void {
    this.#fired = null
    this.happen(() => (this.#fired === null ? null : { type: 'timer', ...this.#fired }), run)
  }

  /** The roles are about to begin, with this on the disk. */
  starts(durable: DurableState): void {
    this.#observer?.starts(durable)
  }

  /** The event under way asks for a write. */
  persist(write: Write): void {
    this.#observer?.asked(write)
    if (this.#journal === null) this.#actors.persist(write)
    else this.#journal.persist(write)
  }

  /** A write of the acceptor is on the disk; its event has yet to happen. */
  synced(): void {
    this.#durable = this.#observer?.synced() ?? null
  }

  /** The event under way comes to this. */
  observe(fact: Fact): void {
    if (fact.type === 'executed') this.#observer?.executed(fact)
    else this.#observer?.fact(fact)
  }

  /** Only XState knows which timer fires. */
  #noteTimer(inspected: InspectionEvent): void {
    this.#fired ??= timerOf(inspected)
  }

  #report(event: JournalEvent['event'] | null, isObserved: boolean): void {
    if (event === null) return
    if (isObserved) this.#observer?.ends(event)
    this.#journal?.record({ clock: this.clock.now, nowMs: this.#nowMs, event })
  }

  /** True when the observer follows it. XState's inspection is on for as long, since it is not free. */
  #runObserved(run: () => void): boolean {
    const observer = this.#observer
    if (observer === null || !observer.begins()) {
      run()
      return false
    }
    const inspection = this.#actors.inspect((inspected) => {
      this.#noteTimer(inspected)
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
