/** Runs `paxos` as it was built, as processes, for tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The built program. */
export const main = join(root, 'dist/cli/main.js')

/** The arguments with which Node.js runs `paxos` from source. */
export const fromSource: readonly string[] = [
  '--import',
  pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href,
  join(root, 'src/cli/main.ts'),
]

/**
 * How long a process has by default, in milliseconds: no bound of the product. Four processes that run from source need eight seconds of
 * a core before they serve, and other tests use the same cores.
 */
const processPatienceMs = 120_000

let isBuilt = false

/** Throws when the program was not built, or before a change of its source. */
function requireBuilt(): void {
  if (isBuilt) return
  if (!existsSync(main)) throw new Error(`${main} is not there: run npm run build first`)
  const builtMs = statSync(main).mtimeMs
  for (const folder of ['machines', 'src']) {
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const isNewer = file.endsWith('.ts') && statSync(join(root, folder, file)).mtimeMs > builtMs
      if (isNewer) throw new Error(`${folder}/${file} is newer than ${main}: run npm run build first`)
    }
  }
  isBuilt = true
}

interface Run {
  /** The largest file that it may write, in the shell's blocks of 512 or 1,024 bytes: a write beyond it fails as on a full disk. */
  readonly fileBlocks?: number
  /** A program, with its arguments, that runs it. */
  readonly under?: readonly string[]
  /** The arguments of Node.js that name the program, in place of the built one. */
  readonly program?: readonly string[]
}

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

  /** Starts `paxos` with `args`. Throws when it was not built from the present source. */
  constructor(args: readonly string[], { fileBlocks, under = [], program: ofNode = [main] }: Run = {}) {
    requireBuilt()
    const command = [...under, process.execPath, ...ofNode, ...args]
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
  async said(pattern: RegExp, patienceMs = processPatienceMs): Promise<RegExpExecArray> {
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
  return new BuiltPaxos(args).endedWithin(processPatienceMs)
}
