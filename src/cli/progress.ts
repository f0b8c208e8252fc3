import { SingleBar } from 'cli-progress'

/** Where nobody watches, a line is written this often. */
const lineEveryMs = 10_000

/** How far a long piece of work is, on stderr: a bar on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #total: number
  readonly #bar: SingleBar | null
  #toldMs = performance.now()

  constructor(total: number) {
    this.#total = total
    const isWatched = process.stderr.isTTY && total > 1
    this.#bar = isWatched
      ? new SingleBar({
          format: '{bar} {value}/{total} runs, {failed} failed, {eta_formatted} left',
          stream: process.stderr,
          hideCursor: true,
          clearOnComplete: true,
        })
      : null
    this.#bar?.start(total, 0, { failed: 0 })
  }

  advance(done: number, failed: number): void {
    this.#bar?.update(done, { failed })
    const nowMs = performance.now()
    if (this.#bar !== null || nowMs - this.#toldMs < lineEveryMs) return
    this.#toldMs = nowMs
    process.stderr.write(`paxos: ${done} of ${this.#total} runs, ${failed} failed\n`)
  }

  end(): void {
    this.#bar?.stop()
  }
}
