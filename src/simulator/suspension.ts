/** A process that can be suspended, as with SIGSTOP. Events that become due meanwhile wait, in order. */
export class Suspension {
  /** The number of pauses in force: they may overlap. */
  #pauses = 0
  #due: (() => void)[] = []
  #isOver = false

  get isPaused(): boolean {
    return this.#pauses > 0
  }

  pause(): void {
    this.#pauses += 1
  }

  /** Ends a pause. The process continues when the last one ends. */
  resume(): void {
    this.#pauses -= 1
    if (this.isPaused) return
    const due = this.#due
    this.#due = []
    for (const run of due) {
      // An event may end the process, such as the failure of a write.
      if (this.#isOver) return
      run()
    }
  }

  /** Runs an event that is due: now, or when the process continues. */
  take(run: () => void): void {
    if (this.isPaused) this.#due.push(run)
    else run()
  }

  /** The process has ended: the events that wait never run. */
  end(): void {
    this.#isOver = true
    this.#due = []
  }
}
