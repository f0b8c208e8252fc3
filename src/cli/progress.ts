/** Where nobody watches, a line is written this often. */
const lineEveryMs = 10_000

/** A terminal is drawn on this often, at most. */
const drawEveryMs = 100

const barWidth = 40

/** What progress is written to: stderr, or what a test gives. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>

/** How far a long piece of work is, on stderr: a line that is drawn again on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #total: number
  readonly #stream: ProgressStream
  readonly #isWatched: boolean
  readonly #beganMs = performance.now()
  #writtenMs = this.#beganMs

  constructor(total: number, stream: ProgressStream = process.stderr) {
    this.#total = total
    this.#stream = stream
    this.#isWatched = stream.isTTY && total > 1
  }

  advance(done: number, failed: number): void {
    const nowMs = performance.now()
    if (nowMs - this.#writtenMs < (this.#isWatched ? drawEveryMs : lineEveryMs)) return
    this.#writtenMs = nowMs
    const runs = `${done} of ${this.#total} runs, ${failed} failed`
    if (!this.#isWatched) this.#stream.write(`paxos: ${runs}\n`)
    else
      this.#stream.write(`${clearLine}${barText(done / this.#total)} ${runs}, ${this.#leftText(done, nowMs)}`)
  }

  end(): void {
    if (this.#isWatched) this.#stream.write(clearLine)
  }

  #leftText(done: number, nowMs: number): string {
    if (done === 0) return ''
    const leftMs = ((nowMs - this.#beganMs) / done) * (this.#total - done)
    return `about ${Math.ceil(leftMs / 1_000)} s left`
  }
}

/** To the beginning of the line, and nothing on it. */
const clearLine = '\r\x1b[K'

function barText(share: number): string {
  const full = Math.round(share * barWidth)
  return '█'.repeat(full) + '░'.repeat(barWidth - full)
}
