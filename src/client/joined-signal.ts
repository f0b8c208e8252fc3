/**
 * A signal that aborts with the first of several. `AbortSignal.any` would keep a short-lived signal for as long as the longest-lived of
 * them; this one leaves them when it parts.
 */
export class JoinedSignal {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #parted: (() => void)[] = []

  constructor(...signals: readonly (AbortSignal | undefined)[]) {
    const given = signals.filter((signal) => signal !== undefined)
    const [only] = given
    this.signal = given.length === 1 && only !== undefined ? only : this.#controller.signal
    if (this.signal === only) return
    for (const signal of given) {
      const onAbort = () => this.#controller.abort(signal.reason)
      if (signal.aborted) onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      this.#parted.push(() => signal.removeEventListener('abort', onAbort))
    }
  }

  /** Does not follow the signals any more. */
  part(): void {
    for (const part of this.#parted.splice(0)) part()
  }
}
