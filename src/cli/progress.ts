/** The interval between two lines when stderr is not a terminal, in milliseconds. */
const lineEveryMs = 10_000

/** The shortest time between two updates of a terminal, in milliseconds. */
const drawEveryMs = 100

const barWidth = 40

/** The stream for the progress: stderr, or a stream of a test. */
export type ProgressStream = Pick<NodeJS.WriteStream, 'isTTY' | 'write'>

/** Shows the progress of long work on stderr: on a terminal as one line that is redrawn, otherwise as a line now and then. */
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

/** Moves to the start of the line and clears it. */
const clearLine = '\r\x1b[K'

function barText(share: number): string {
  const full = Math.round(share * barWidth)
  return '█'.repeat(full) + '░'.repeat(barWidth - full)
}
