import { type ChildProcess, spawn } from 'node:child_process'
import type { Address } from '../../machines/batch.ts'
import type { ReadyMessage } from './node.ts'

/** A server in a process of its own, which stops when the channel to it closes. */
export class ServerProcess {
  /** Where it serves; `null` when it ended before it did. */
  readonly ready: Promise<Address | null>
  /** How it ended: `exit code 1`, or `SIGKILL`. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #waker: ChildProcess | null = null

  /** Runs this same program, from source or compiled, with `args`. What it says to stderr is shown as it is. */
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
   * Holds it as it is: it hears and says nothing until it is resumed. Should this program be killed meanwhile, it goes on,
   * and stops, since nobody could resume it any more.
   */
  pause(): void {
    this.#child.kill('SIGSTOP')
    this.#waker = wakerOf(this.#child)
  }

  resume(): void {
    this.#forgetWaker()
    this.#child.kill('SIGCONT')
  }

  /** Asks it to stop in good order, for which a paused one has to go on. */
  stop(): void {
    this.resume()
    if (this.#child.connected) this.#child.disconnect()
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #forgetWaker(): void {
    this.#waker?.kill('SIGKILL')
    this.#waker = null
  }
}

/**
 * A process that waits for the end of this one and then lets `child` go on: one that is paused cannot see its channel close.
 * The signals that tell this program to stop are not for it.
 */
function wakerOf({ pid }: ChildProcess): ChildProcess | null {
  if (pid === undefined) return null
  const waker = spawn('sh', ['-c', 'trap "" INT TERM HUP; read -r _; kill -CONT "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without it there is only nobody to wake the server.
  waker.on('error', () => undefined)
  return waker
}
