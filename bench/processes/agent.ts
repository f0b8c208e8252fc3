/**
 * A process of the benchmark, as its parent sees it. Each process of a measurement has one task, so that its CPU time and its profile
 * are those of the task. The parent calls the commands of the process over the channel that `fork` opens.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Answer, Call, Commands } from './commands.ts'

interface OpenCall {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

/** The processes that still run. They end with this one. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

/** Makes `child` end with this process. */
export function endWithParent(child: ChildProcess): void {
  running.add(child)
  child.once('exit', () => running.delete(child))
}

/** Ends `child` as `kill -9` does. Resolves when it is gone. */
export async function endNow(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

export class Agent<Of extends Commands> {
  readonly #child: ChildProcess
  readonly #open = new Map<number, OpenCall>()
  #calls = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: Answer) => this.#receive(answer))
    child.on('exit', () => {
      for (const { reject } of this.#open.values())
        reject(new Error('a process of the benchmark ended early'))
      this.#open.clear()
    })
  }

  /** Starts the program at `url` with `options`. Resolves when it serves; rejects when it ends before. */
  static async start<Of extends Commands>(url: URL, options: object = {}): Promise<Agent<Of>> {
    const child = fork(fileURLToPath(url), [JSON.stringify(options)])
    endWithParent(child)
    const agent = new Agent<Of>(child)
    await new Promise<void>((resolve, reject) => {
      agent.#open.set(0, { resolve, reject })
    })
    return agent
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Calls a command of the process. Rejects with its error, or when the process ends. */
  call<Name extends keyof Of>(
    name: Name,
    ...given: Parameters<Of[Name]>
  ): Promise<Awaited<ReturnType<Of[Name]>>> {
    this.#calls += 1
    const call: Call = { id: this.#calls, name: String(name), given }
    return new Promise((resolve, reject) => {
      this.#open.set(call.id, { resolve, reject })
      this.#child.send(call, (error) => {
        if (error !== null) reject(error)
      })
    })
  }

  /** Ends the process as `kill -9` does: nothing that it keeps outlives the benchmark. */
  end(): Promise<void> {
    return endNow(this.#child)
  }

  #receive({ id, error, answer }: Answer): void {
    const open = this.#open.get(id)
    this.#open.delete(id)
    if (error === undefined) open?.resolve(answer as never)
    else open?.reject(new Error(error))
  }
}
