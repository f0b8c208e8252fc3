/** Virtual time. Events run in the order of their due times; events that are due at the same time run in the order of scheduling. */
export class Timeline {
  #nowMs = 0
  #scheduled = 0
  readonly #heap: Entry[] = []

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs
  }

  get isEmpty(): boolean {
    return this.nextAtMs === null
  }

  /** The number of scheduled events. Counts them one by one. */
  get size(): number {
    return this.#heap.filter((entry) => !entry.cancelled).length
  }

  /** Schedules a call of `run` after `delayMs`. The returned function cancels it. */
  schedule(delayMs: number, run: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, order: this.#scheduled, run, cancelled: false }
    this.#scheduled += 1
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
    return () => {
      entry.cancelled = true
    }
  }

  /** Advances to the next event and runs it. Returns false when no event is scheduled. */
  advance(): boolean {
    for (let entry = this.#pop(); entry !== undefined; entry = this.#pop()) {
      if (entry.cancelled) continue
      this.#nowMs = entry.atMs
      entry.run()
      return true
    }
    return false
  }

  /** The due time of the next event, `null` when no event is scheduled. */
  get nextAtMs(): number | null {
    while (this.#heap[0]?.cancelled) this.#pop()
    return this.#heap[0]?.atMs ?? null
  }

  #pop(): Entry | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    this.#heap[0] = last
    this.#sink(0)
    return first
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfBefore(at, parent)) return
      at = parent
    }
  }

  #sink(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = right < this.#heap.length && isBefore(this.#heap[right], this.#heap[left]) ? right : left
      if (child >= this.#heap.length || !this.#swapIfBefore(child, at)) return
      at = child
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const a = this.#heap[lower]
    const b = this.#heap[upper]
    if (a === undefined || b === undefined || !isBefore(a, b)) return false
    this.#heap[lower] = b
    this.#heap[upper] = a
    return true
  }
}

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

function isBefore(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
