/** The shortest time between two log lines about failures, in milliseconds. */
const logEveryMs = 60_000

/** The most kinds of errors that are counted separately. Further kinds count as `other`. */
const maxKinds = 64

/** Logs the number of errors of each kind since the last line, and the message of the latest error. */
export type LogTroubles = (since: Readonly<Record<string, number>>, latest: string) => void

/** Counts errors by kind and logs them: the first at once, and then at most one line a minute with the counts since the last line. */
export class Troubles {
  readonly #log: LogTroubles
  readonly #counts = new Map<string, number>()
  readonly #unlogged = new Map<string, number>()
  #latest = ''
  /** The timer that runs while no line may be logged. */
  #quiet: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(log: LogTroubles) {
    this.#log = log
  }

  /** The count of each kind. */
  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  /** Counts `error`, which happened during `what`, such as `send`. */
  count(what: string, error: unknown): void {
    const { code, message = String(error) } = (error ?? {}) as {
      readonly code?: unknown
      readonly message?: string
    }
    const kind = `${what} ${typeof code === 'string' ? code : error instanceof Error ? error.name : 'error'}`
    const counted = this.#counts.has(kind) || this.#counts.size < maxKinds ? kind : 'other'
    for (const counts of [this.#counts, this.#unlogged]) counts.set(counted, (counts.get(counted) ?? 0) + 1)
    this.#latest = message
    if (this.#quiet === null && !this.#isClosed) this.#write()
  }

  /** Stops logging. Errors are still counted. */
  close(): void {
    if (this.#quiet !== null) clearTimeout(this.#quiet)
    this.#isClosed = true
  }

  #write(): void {
    const since = Object.fromEntries(this.#unlogged)
    this.#unlogged.clear()
    this.#quiet = setTimeout(() => {
      this.#quiet = null
      if (this.#unlogged.size > 0) this.#write()
    }, logEveryMs).unref()
    this.#log(since, this.#latest)
  }
}
