/** The disk of one server fails, at its start and under load: each system call, on each kind of file. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeHead } from '../../src/storage/log/head.ts'
import { pathOf, segmentName } from '../../src/storage/log/layout.ts'
import type { Ended } from '../support/built-paxos.ts'
import { LiveCluster } from '../support/live-cluster.ts'
import { judge } from './judge.ts'
import { LockLoad } from './lock-load.ts'
import { attach, type SystemFault, straceOf } from './strace.ts'

/** The server whose disk fails. */
const broken = 2
/** strace makes a server many times slower. */
const patienceMs = 60_000

const read = 'read,pread64'
const write = 'write,pwrite64'

/** The kinds of files of a server. `next` is the segment that its next start begins. */
type FileKind = 'identity' | 'directory' | 'head' | 'segment' | 'next'
type Case = readonly [kind: FileKind, call: string, error: SystemFault['error']]

const atStart: readonly Case[] = [
  ['identity', 'openat', 'EIO'],
  ['identity', read, 'EIO'],
  ['directory', 'openat', 'EIO'],
  ['directory', 'getdents64', 'EIO'],
  ['directory', 'fsync', 'EIO'],
  ['directory', 'fsync', 'ENOSPC'],
  ['head', 'openat', 'EIO'],
  ['head', read, 'EIO'],
  ['head', write, 'EIO'],
  ['head', write, 'ENOSPC'],
  ['head', 'fdatasync', 'EIO'],
  ['head', 'fdatasync', 'ENOSPC'],
  ['segment', 'openat', 'EIO'],
  ['segment', read, 'EIO'],
  ['next', 'openat', 'EIO'],
  ['next', 'openat', 'ENOSPC'],
  ['next', write, 'EIO'],
  ['next', write, 'ENOSPC'],
  ['next', 'fdatasync', 'EIO'],
  ['next', 'fdatasync', 'ENOSPC'],
]

const underLoad: readonly Case[] = [
  ['head', write, 'EIO'],
  ['head', write, 'ENOSPC'],
  ['head', 'fdatasync', 'EIO'],
  ['head', 'fdatasync', 'ENOSPC'],
  ['segment', write, 'EIO'],
  ['segment', write, 'ENOSPC'],
  ['segment', 'fdatasync', 'EIO'],
  ['segment', 'fdatasync', 'ENOSPC'],
]

export interface DiskReport {
  readonly atStart: number
  readonly underLoad: number
  readonly answered: number
  readonly longestWaitMs: number
  /** What does not hold; empty when all is well. */
  readonly faults: readonly string[]
}

/** A server that does not become ready after its fault ends the campaign with its error. */
export async function diskCampaign(progress: (line: string) => void): Promise<DiskReport> {
  const cluster = await LiveCluster.start(3)
  try {
    const load = new LockLoad([0, 1, 2].map((id) => cluster.connect(id)))
    const run = new Run(cluster, progress)
    for (const each of atStart) await run.failAtStart(each)
    for (const each of underLoad) await run.failUnderLoad(each)
    await run.failPages()
    await load.stop()
    const faults = [...run.faults, ...(await judge(cluster, load, [0, 1, 2]))]
    const { answered, longestMs } = load
    return {
      atStart: atStart.length,
      underLoad: underLoad.length + 1,
      answered: answered.length,
      longestWaitMs: longestMs,
      faults,
    }
  } finally {
    await cluster.close()
  }
}

class Run {
  readonly faults: string[] = []
  readonly #cluster: LiveCluster
  readonly #progress: (line: string) => void

  constructor(cluster: LiveCluster, progress: (line: string) => void) {
    this.#cluster = cluster
    this.#progress = progress
  }

  async failAtStart(each: Case): Promise<void> {
    await this.#cluster.pass(500)
    await this.#cluster.crash(broken)
    const under = straceOf(await this.#faultOf(each))
    const ended = await this.#cluster.restartUnder(broken, under, patienceMs)
    this.#expectRefusal('at start', each, ended)
    await this.#cluster.restart(broken)
  }

  async failUnderLoad(each: Case): Promise<void> {
    await this.#cluster.pass(500)
    const running = this.#cluster.process(broken)
    const tracer = await attach(running.pid, await this.#faultOf(each))
    this.#expectRefusal('under load', each, await running.endedWithin(patienceMs))
    if (tracer.exitCode === null) await once(tracer, 'exit')
    await this.#cluster.restart(broken)
  }

  /** A server that is behind asks this one for chosen batches, and no other server can answer. */
  async failPages(): Promise<void> {
    const behind = 1
    const each: Case = ['segment', read, 'EIO']
    await this.#cluster.crash(behind)
    await this.#cluster.pass(2_000)
    await this.#cluster.crash(0)
    const running = this.#cluster.process(broken)
    const tracer = await attach(running.pid, await this.#faultOf(each))
    const ended = running.endedWithin(patienceMs)
    await this.#cluster.restart(behind)
    this.#expectRefusal('under load', each, await ended)
    if (tracer.exitCode === null) await once(tracer, 'exit')
    await Promise.all([this.#cluster.restart(broken), this.#cluster.restart(0)])
  }

  /** A server that refuses ends, never becomes ready, names the error, and recommends nothing dangerous. */
  #expectRefusal(when: 'at start' | 'under load', [kind, call, error]: Case, ended: Ended): void {
    const { code, stdout, stderr } = ended
    const name = `${error} of ${call} on ${kind} ${when}`
    const lastLine = stderr.trim().split('\n').at(-1) ?? ''
    this.#progress(`${name}: ended with ${code}: ${lastLine}`)
    const wrong = [
      code === 1 ? [] : `ended with ${code}`,
      when === 'at start' && stdout.includes('ready') ? 'was ready' : [],
      stderr.includes(error) ? [] : 'did not name the error',
      stderr.includes('bootstrap') ? 'recommended bootstrap' : [],
    ].flat()
    if (wrong.length > 0) this.faults.push(`${name}: ${wrong.join(', ')}: ${stderr.slice(-500)}`)
  }

  async #faultOf([kind, call, error]: Case): Promise<SystemFault> {
    return { call, error, path: join(this.#cluster.dataDir(broken), await this.#pathOf(kind)) }
  }

  async #pathOf(kind: FileKind): Promise<string> {
    switch (kind) {
      case 'identity':
        return 'identity.json'
      case 'directory':
        return 'log'
      case 'head':
        return pathOf('head')
      case 'segment':
        return pathOf(segmentName(await this.#segment()))
      case 'next':
        return pathOf(segmentName((await this.#segment()) + 1))
    }
    kind satisfies never
  }

  /** The segment that `head` names: the last one, unless it became full in this moment. */
  async #segment(): Promise<number> {
    const decoded = decodeHead(await readFile(join(this.#cluster.dataDir(broken), pathOf('head'))))
    if ('reason' in decoded) throw new Error(decoded.reason)
    return decoded.head.synced.segment
  }
}
