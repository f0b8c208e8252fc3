/** Runs `paxos`, as processes, for tests. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)

/** What Node.js is given to run `paxos` from source. */
export const fromSource = [
  '--import',
  pathToFileURL(require.resolve('tsx')).href,
  join(root, 'src/cli/main.ts'),
] as const

let compiledTo: string | null = null

/**
 * Compiles what is to be tested, into a directory of its own: run from source, each of the many processes would compile it
 * again. To be called before all tests, and `removeCompiled` after them.
 */
export async function compile(): Promise<void> {
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  compiledTo = await mkdtemp(join(cache, 'paxos-test-'))
  await writeFile(join(compiledTo, 'package.json'), '{ "type": "module" }')
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  const args = [
    '-p',
    'tsconfig.build.json',
    '--outDir',
    compiledTo,
    '--declaration',
    'false',
    '--sourceMap',
    'false',
    '--inlineSources',
    'false',
    '--noCheck',
  ]
  await promisify(execFile)(process.execPath, [tsc, ...args], { cwd: root })
}

export async function removeCompiled(): Promise<void> {
  if (compiledTo !== null) await rm(compiledTo, { recursive: true })
}

function compiled(): string[] {
  if (compiledTo === null) throw new Error('compile() is to be called before paxos is run')
  return [join(compiledTo, 'src/cli/main.js')]
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A `paxos` that runs. */
export class Paxos {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], program: readonly string[] = compiled()) {
    this.#child = spawn(process.execPath, [...program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = once(this.#child, 'close').then(([code]) => ({
      code,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** What it has said that matches `pattern`, to stdout or stderr, once it has. Throws when it ends before. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (match !== null) return match
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        const { code, stdout, stderr } = await this.ended
        throw new Error(`paxos ended with ${code} and never said ${pattern}:\n${stdout}\n${stderr}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Runs `paxos` to its end. */
export function paxos(...args: string[]): Promise<Ended> {
  return new Paxos(args).ended
}

/** The first of `count` ports in a row that are free on 127.0.0.1. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    // Below the ports that the system gives to those who ask for any.
    const first = 10_000 + Math.floor(Math.random() * 20_000)
    const ports = Array.from({ length: count }, (_, place) => first + place)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
}

async function isFree(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

/** True while the process `pid` is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
