/** A cluster of three processes under honest load, and all else that can arrive at its ports. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Json } from '../../machines/batch.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { parseAddress } from '../../src/network/address.ts'
import { Random, seedFor } from '../../src/simulator/random.ts'
import { Datagrams } from '../support/datagrams.ts'
import { difference, executedTwice, lostAnswers, replacedBySnapshots } from '../support/executed-orders.ts'
import { LiveCluster } from '../support/live-cluster.ts'
import { envelopeIn, type Fields } from '../support/wire-text.ts'
import { Corpus, honestMark } from './corpus.ts'
import { type Acknowledged, HonestLoad } from './honest.ts'
import { type Kind, make, opening } from './mutate.ts'

const servers = [0, 1, 2]
const honestClients = 4
const sources = 16

/** What the honest load runs for alone, before and after, in milliseconds. */
const calmMs = 2_000

/** Datagrams that are sent before the servers are asked how they are: that keeps their buffers from overflowing. */
const burst = 1_500

/**
 * A burst ends after so many milliseconds, however few it has sent: the honest clients and the network between the servers wait for it in
 * this process, and a request passes that network several times, at most once between two bursts.
 */
const burstMs = 100

/** The sessions that are used at once, the last that were opened. */
const usedSessions = 50

/** One datagram in so many goes to a client. */
const toClients = 20

export interface FuzzOptions {
  readonly seed: number
  /** Ends after that many datagrams, or after `limitMs`. */
  readonly datagrams: number
  readonly limitMs: number
  /** What the memory of a server may grow by, in bytes. */
  readonly growthBytes: number
  /** How long an honest client may wait for one answer. */
  readonly patienceMs: number
  readonly progress?: (line: string) => void
}

export interface Memory {
  readonly before: number
  readonly most: number
  readonly after: number
}

export interface FuzzReport {
  readonly sent: number
  readonly sentByKind: Partial<Record<Kind, number>>
  readonly seconds: number
  readonly memory: readonly Memory[]
  readonly dropped: readonly Json[]
  readonly seenTypes: readonly string[]
  /** The sessions that were opened for it. */
  readonly openedSessions: number
  readonly honest: {
    readonly answered: number
    readonly calm: Latencies
    readonly fuzzed: Latencies
    readonly longestMs: number
  }
  /** How often a snapshot replaced what a server had executed. */
  readonly installed: number
  /** What must not be: empty when all is well. */
  readonly faults: readonly string[]
}

export interface Latencies {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Runs it. What does not hold stands in the report's `faults`. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const cluster = await LiveCluster.start(servers.length, { args: ['--snapshot-every', '20'] })
  const asking = await Datagrams.open()
  const sockets: Socket[] = []
  const run = new Run(options, cluster, asking)
  try {
    await run.open(sockets)
    return await run.go()
  } finally {
    for (const socket of sockets) socket.close()
    await run.close()
    await asking.close()
    await cluster.close()
  }
}

class Run {
  readonly #options: FuzzOptions
  readonly #cluster: LiveCluster
  readonly #asking: Datagrams
  readonly #random: Random
  readonly #faults: string[] = []
  readonly #sentByKind: Partial<Record<Kind, number>> = {}
  readonly #cookies = new Map<string, string>()
  readonly #sessions: string[] = []
  #openedSessions = 0
  readonly #clientPorts = new Map<string, { readonly address: string; readonly port: number }>()
  #sockets: Socket[] = []
  #clients: readonly Client[] = []
  #corpus: Corpus | null = null
  #pids: number[] = []
  #before: number[] = []
  #most: number[] = []
  #sent = 0
  #installed = 0

  constructor(options: FuzzOptions, cluster: LiveCluster, asking: Datagrams) {
    this.#options = options
    this.#cluster = cluster
    this.#asking = asking
    this.#random = new Random(seedFor(options.seed, 'datagrams'))
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
  }

  /** Opens the sources of what is sent, and begins to listen to what goes over the wire. */
  async open(sockets: Socket[]): Promise<void> {
    const statuses = await this.#statuses()
    this.#pids = statuses.map(({ pid }) => Number(pid))
    const cluster = String(statuses[0]?.cluster)
    const corpus = new Corpus(cluster, this.#options.seed)
    this.#corpus = corpus
    for (const id of servers) {
      this.#cluster.network(id).tap = (datagram, other) => {
        corpus.record(datagram, id)
        // What comes from no server is a client's.
        if (datagram.includes('"s":null')) this.#clientPorts.set(`${other.address}:${other.port}`, other)
      }
    }
    for (let number = 0; number < sources; number += 1) {
      const socket = createSocket({ type: 'udp4', recvBufferSize: 256 * 1024 })
      sockets.push(socket)
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      socket.on('error', () => undefined)
      socket.on('message', (datagram) => {
        this.#learnCookie(number, datagram)
        this.#learnSession(datagram)
      })
    }
    this.#sockets = sockets
    this.#greet(cluster)
  }

  async go(): Promise<FuzzReport> {
    const { datagrams, limitMs } = this.#options
    const servers = this.#cluster.addresses
    const clients = Array.from({ length: honestClients }, () => connect({ servers, name: honestMark }))
    this.#clients = clients
    const honest = new HonestLoad(clients)
    await pass(calmMs)
    const calm = [...honest.acknowledged]
    this.#before = await this.#memory()
    this.#most = [...this.#before]
    const beganMs = performance.now()
    while (
      this.#sent < datagrams &&
      performance.now() - beganMs < limitMs &&
      this.#faults.length === 0 &&
      honest.complaints.length === 0
    ) {
      this.#sendBurst(Math.min(burst, datagrams - this.#sent))
      await this.#pause()
      await this.#look(honest)
    }
    const seconds = (performance.now() - beganMs) / 1_000
    const fuzzed = honest.acknowledged.slice(calm.length)
    await pass(calmMs)
    await this.#stop(honest)
    await this.#judge(honest.acknowledged)
    const after = await this.#memory().catch(() => this.#most)
    const statuses = await this.#statuses().catch(() => [])
    return {
      sent: this.#sent,
      sentByKind: this.#sentByKind,
      seconds,
      memory: this.#before.map((before, id) => ({
        before,
        most: this.#most[id] ?? 0,
        after: after[id] ?? 0,
      })),
      dropped: statuses.map(({ datagrams }) => datagrams ?? null),
      seenTypes: [...(this.#corpus?.seenTypes ?? [])],
      openedSessions: this.#openedSessions,
      installed: this.#installed,
      honest: {
        answered: honest.acknowledged.length,
        calm: latencies(calm),
        fuzzed: latencies(fuzzed),
        longestMs: honest.longestMs,
      },
      faults: [...this.#faults, ...honest.complaints],
    }
  }

  #sendBurst(count: number): void {
    const corpus = this.#corpus
    if (corpus === null) return
    const until = this.#sent + count
    const endsAtMs = performance.now() + burstMs
    while (this.#sent < until && performance.now() < endsAtMs) {
      const number = this.#random.below(sources)
      const id = this.#random.pick(servers)
      const cookie = this.#cookies.get(`${number} ${id}`) ?? ''
      const means = { corpus, random: this.#random, cookie, to: id, sessions: this.#sessions }
      const { kind, datagrams, server = id } = make(means)
      const isForClient = this.#random.below(toClients) === 0
      for (const datagram of datagrams) {
        if (datagram.length > 65_000) continue
        if (isForClient) this.#sendToClient(datagram, number, server)
        else this.#send(datagram, number, server)
        this.#sent += 1
        this.#sentByKind[kind] = (this.#sentByKind[kind] ?? 0) + 1
      }
    }
  }

  #send(datagram: Uint8Array, number: number, id: number): void {
    const { host, port } = parseAddress(this.#cluster.listening(id))
    this.#sockets[number]?.send(datagram, port, host, () => undefined)
  }

  /** From anywhere, or in the name of a server. */
  #sendToClient(datagram: Uint8Array, number: number, id: number): void {
    const ports = [...this.#clientPorts.values()]
    if (ports.length === 0) return
    const { address, port } = this.#random.pick(ports)
    if (this.#random.chance(50)) this.#cluster.network(id).forge(datagram, port, address)
    else this.#sockets[number]?.send(datagram, port, address, () => undefined)
  }

  #greet(cluster: string): void {
    // The other half never shows that it receives what it is sent.
    for (let number = 0; number < sources; number += 2) {
      for (const id of servers) {
        const m = [{ type: 'hello' }, opening(this.#random)]
        const hello = JSON.stringify({ v: 4, c: cluster, s: null, k: '', m }).padEnd(1_200)
        this.#send(Buffer.from(hello), number, id)
      }
    }
  }

  #learnCookie(number: number, datagram: Buffer): void {
    if (!datagram.includes('"challenge"')) return
    const { s, m } = envelopeIn(datagram) ?? {}
    for (const message of Array.isArray(m) ? (m as Fields[]) : []) {
      if (message.type === 'challenge') this.#cookies.set(`${number} ${s}`, String(message.cookie))
    }
  }

  /** Learns the uid of a session that was opened for a source. */
  #learnSession(datagram: Buffer): void {
    const [, uid] = /"uid":"(fuzzed-\d+@[\d.]+)"/.exec(datagram.toString('latin1')) ?? []
    if (uid === undefined || this.#sessions.includes(uid)) return
    this.#sessions.push(uid)
    this.#openedSessions += 1
    if (this.#sessions.length > usedSessions) this.#sessions.shift()
  }

  /** Until every server has taken what was sent before: it answers in order. */
  async #pause(): Promise<void> {
    await Promise.all(
      servers.map((id) =>
        this.#asking.inquire(this.#cluster.listening(id)).catch(() => {
          // The question may be lost; a server that is gone is found by its process.
        }),
      ),
    )
  }

  async #look(honest: HonestLoad): Promise<void> {
    const memory = await this.#memory().catch(() => null)
    if (memory === null) {
      this.#faults.push('a server is gone')
      return
    }
    for (const [id, bytes] of memory.entries()) {
      this.#most[id] = Math.max(this.#most[id] ?? 0, bytes)
      const growth = bytes - (this.#before[id] ?? 0)
      if (growth > this.#options.growthBytes) this.#faults.push(`server ${id} grew by ${mb(growth)} MB`)
    }
    if (honest.waitingMs > this.#options.patienceMs) {
      this.#faults.push(`an honest client waited ${Math.round(honest.waitingMs)} ms for one answer`)
    }
    this.#options.progress?.(`${this.#sent} sent, ${honest.acknowledged.length} answered`)
  }

  async #stop(honest: HonestLoad): Promise<void> {
    const late = pass(this.#options.patienceMs).then(() => 'late' as const)
    if ((await Promise.race([honest.stop(), late])) === 'late') {
      this.#faults.push(`an honest client waits ${this.#options.patienceMs} ms after all that was sent`)
    }
  }

  /** Every server executed the same, each request once, and every answer that was given is in it. */
  async #judge(acknowledged: readonly Acknowledged[]): Promise<void> {
    try {
      const { request } = await this.#cluster.client()
      for (const id of servers) await request({ action: 'unlock', name: 'verify' }, id)
      const orders = await Promise.all(servers.map((id) => this.#cluster.executed(id)))
      this.#installed = replacedBySnapshots(orders)
      this.#compare(orders)
      this.#find(acknowledged, orders)
    } catch (error) {
      this.#faults.push(`afterwards: ${error instanceof Error ? error.message : String(error)}`)
    }
    for (const [id, status] of (await this.#statuses().catch(() => [])).entries()) {
      if (status.state !== 'running') this.#faults.push(`server ${id} is ${status.state}`)
    }
  }

  #compare(orders: readonly (readonly string[])[]): void {
    const differs = difference(orders)
    if (differs !== null) this.#faults.push(differs)
    // A session that was forgotten may ask again under its old numbers; an honest one never does.
    const twice = executedTwice(orders).filter((name) => name.startsWith('honest'))
    if (twice.length > 0) this.#faults.push(`executed twice: ${twice.slice(0, 3).join(', ')}`)
  }

  #find(acknowledged: readonly Acknowledged[], orders: readonly (readonly string[])[]): void {
    const lost = lostAnswers(acknowledged, orders)
    if (lost.length > 0) this.#faults.push(`answered and lost: ${JSON.stringify(lost.slice(0, 3))}`)
  }

  async #statuses(): Promise<{ readonly [key: string]: Json }[]> {
    return Promise.all(servers.map((id) => this.#asking.inquire(this.#cluster.listening(id))))
  }

  #memory(): Promise<number[]> {
    return Promise.all(this.#pids.map(residentBytes))
  }
}

/** What the process holds in memory. Throws when it is gone. */
async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  if (kilobytes === undefined) throw new Error(`process ${pid} holds nothing: it has ended`)
  return Number(kilobytes) * 1_024
}

function latencies(acknowledged: readonly Acknowledged[]): Latencies {
  const sorted = acknowledged.map(({ tookMs }) => tookMs).sort((a, b) => a - b)
  const at = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

export function mb(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}

function pass(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
