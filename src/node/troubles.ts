/** How often a line is logged about datagrams that failed, in milliseconds. */
const logEveryMs = 60_000

/** Kinds of trouble that are told apart; what comes beyond is counted as `other`. */
const maxKinds = 64

/** Writes a line about what failed: how often each kind did since the last line, and the latest of them in words. */
export type LogTroubles = (since: Readonly<Record<string, number>>, latest: string) => void

/**
 * Counts what goes wrong with datagrams, by kind, and logs it: the first at once, then at most a line a minute with how many
 * there were in between.
 */
export class Troubles {
  readonly #log: LogTroubles
  readonly #counts = new Map<string, number>()
  readonly #unlogged = new Map<string, number>()
  #latest = ''
  /** Runs while nothing is logged. */
  #quiet: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(log: LogTroubles) {
    this.#log = log
  }

  /** How often each kind was counted. */
  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  /** Counts `error`, met while doing `what`, such as `send`. */
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

  /** Logs nothing more; what is still counted is only counted. */
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
