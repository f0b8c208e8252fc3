/** Runs `paxos` as it was built, as processes, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** What a process said, and how it ended: `code` is null when a signal ended it. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What still runs when the tests' own process ends is ended with it. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A process that runs `paxos`. */
export class BuiltPaxos {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #args: readonly string[]
  #stdout = ''
  #stderr = ''
  #hasEnded = false

  /**
   * Starts `paxos` with `args`. `fileBlocks` is the largest file that it may write, in the shell's blocks of 512 or 1,024
   * bytes: what lies beyond fails as on a full disk. `under` is a program, with its arguments, that runs it. Throws when it was
   * not built.
   */
  constructor(
    args: readonly string[],
    { fileBlocks, under = [] }: { readonly fileBlocks?: number; readonly under?: readonly string[] } = {},
  ) {
    if (!existsSync(main)) throw new Error(`${main} is not there: run npm run build first`)
    const command = [...under, process.execPath, main, ...args]
    const limited = ['sh', '-c', `ulimit -f ${fileBlocks} && exec "$@"`, 'sh', ...command]
    const [program = '', ...rest] = fileBlocks === undefined ? command : limited
    this.#args = args
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(this.#child)
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code) => {
        running.delete(this.#child)
        this.#hasEnded = true
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it has said to stderr. */
  get stderr(): string {
    return this.#stderr
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** What it has said that matches `pattern`, to stdout or stderr, once it has. Throws when it ends before, or is late. */
  async said(pattern: RegExp, patienceMs = 20_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (match !== null) return match
      if (this.#hasEnded || performance.now() > deadline) {
        const how = this.#hasEnded ? `ended with ${(await this.ended).code}` : `waited ${patienceMs} ms`
        throw new Error(
          `paxos ${this.#args.join(' ')}: ${how} and never said ${pattern}:\n${this.#stdout}\n${this.#stderr}`,
        )
      }
      await new Promise((next) => setTimeout(next, 10))
    }
  }

  /** How it ended, once it has. Kills it and throws when it has not after `patienceMs`. */
  async endedWithin(patienceMs: number): Promise<Ended> {
    let patience: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      patience = setTimeout(() => {
        this.signal('SIGKILL')
        reject(
          new Error(`paxos ${this.#args.join(' ')} had not ended after ${patienceMs} ms:\n${this.#stderr}`),
        )
      }, patienceMs)
    })
    try {
      return await Promise.race([this.ended, late])
    } finally {
      clearTimeout(patience)
    }
  }
}

/** Runs `paxos` to its end. */
export function builtPaxos(...args: string[]): Promise<Ended> {
  return new BuiltPaxos(args).endedWithin(20_000)
}
