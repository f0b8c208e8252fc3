import { type ChildProcess, spawn } from 'node:child_process'
import type { Address } from '../../machines/batch.ts'
import type { ReadyMessage } from './node.ts'

/** A server in its own process, which stops when the channel to it closes. */
export class ServerProcess {
  /** The address at which it serves; `null` when it ended before. */
  readonly ready: Promise<Address | null>
  /** How it ended: `exit code 1`, or `SIGKILL`. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #waker: ChildProcess | null = null

  /** Runs this program, from source or compiled, with `args`. Its stderr is passed through. */
  constructor(args: readonly string[]) {
    const [, program = ''] = process.argv
    this.#child = spawn(process.execPath, [...process.execArgv, program, ...args, '--supervised'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
      this.#child.once('error', (error) => resolve(error.message))
    })
    void this.ended.then(() => this.#forgetWaker())
    this.ready = new Promise((resolve) => {
      this.#child.once('message', (message) => resolve((message as ReadyMessage).ready))
      void this.ended.then(() => resolve(null))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Pauses it: it receives and sends nothing until it is resumed. If this program is killed in the meantime, the server is
   * resumed and stops, because nothing else could resume it.
   */
  pause(): void {
    this.#child.kill('SIGSTOP')
    this.#waker = wakerOf(this.#child)
  }

  resume(): void {
    this.#forgetWaker()
    this.#child.kill('SIGCONT')
  }

  /** Asks it to stop normally. A paused process is resumed first. */
  stop(): void {
    this.resume()
    if (this.#child.connected) this.#child.disconnect()
  }

  /** Kills it. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #forgetWaker(): void {
    this.#waker?.kill('SIGKILL')
    this.#waker = null
  }
}

/**
 * A process that waits for the end of this one and then resumes `child`, because a paused process cannot notice that its channel
 * closed. It ignores the signals that stop this program.
 */
function wakerOf({ pid }: ChildProcess): ChildProcess | null {
  if (pid === undefined) return null
  const waker = spawn('sh', ['-c', 'trap "" INT TERM HUP; read -r _; kill -CONT "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without it, the server is only not resumed.
  waker.on('error', () => undefined)
  return waker
}
