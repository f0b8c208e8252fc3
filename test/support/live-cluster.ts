import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address, Json, NodeId } from '../../machines/batch.ts'
import type { Position } from '../../machines/outcome.ts'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import { inOrder, parseJournal } from '../../src/journal/journal-lines.ts'
import { Replay } from '../../src/replay/replay.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import type { Answer, TestClient, TestCluster } from '../suites/cluster.ts'
import { BuiltPaxos, type Ended } from './built-paxos.ts'
import type { Datagrams } from './datagrams.ts'
import { freePorts } from './free-ports.ts'
import { BadNetwork } from './proxy.ts'

/** The most servers that a cluster may come to have, ports are kept for. */
const maxServers = 6

/** How long a server has to write what it executed to its log, in milliseconds. */
const tracePatienceMs = 10_000

/** How long a server that is told to stop has, in milliseconds. */
const stopPatienceMs = 10_000

interface Server {
  /** Where it listens. */
  readonly listening: Address
  /** Where the others and the clients find it. */
  readonly address: Address
  readonly dataDir: string
  readonly proxy: BadNetwork
  process: BuiltPaxos | null
}

/** How many datagrams a server received and sent, and how many it dropped, by reason. */
export interface Traffic {
  readonly received: number
  readonly sent: number
  readonly dropped: Readonly<Record<string, number>>
}

/**
 * A cluster of processes on free ports of 127.0.0.1, each server behind a proxy that can be told to lose, duplicate and
 * reorder datagrams.
 */
export class LiveCluster implements TestCluster {
  readonly #directory: string
  readonly #firstPort: number
  readonly #servers = new Map<NodeId, Server>()
  readonly #clients = new Set<Client>()
  /** Where the last request that was asked of a server was executed. */
  readonly #lastAnswers = new Map<NodeId, Position>()
  readonly #isRecorded: boolean
  readonly #args: readonly string[]
  #isDisturbed = false

  /**
   * With `isRecorded`, what the servers recorded is run again when it is closed, and every state must come out the same. Every server is
   * started with `args`.
   */
  static async start(
    servers: number,
    {
      isRecorded = false,
      args = [],
    }: { readonly isRecorded?: boolean; readonly args?: readonly string[] } = {},
  ): Promise<LiveCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'paxos-live-'))
    const cluster = new LiveCluster(directory, await freePorts(maxServers), isRecorded, args)
    try {
      const ids = Array.from({ length: servers }, (_, id) => id)
      for (const id of ids) await cluster.#place(id)
      await Promise.all(ids.map((id) => cluster.#run(id, ['--members', cluster.#members, '--bootstrap'])))
      return cluster
    } catch (error) {
      await cluster.#end()
      throw error
    }
  }

  private constructor(directory: string, firstPort: number, isRecorded: boolean, args: readonly string[]) {
    this.#directory = directory
    this.#firstPort = firstPort
    this.#isRecorded = isRecorded
    this.#args = args
  }

  /** Where clients find the servers, in the order of their ids. */
  get addresses(): Address[] {
    return [...this.#servers.values()].map(({ address }) => address)
  }

  /** Where a server listens itself, past its proxy. */
  listening(id: NodeId): Address {
    return this.#serverOf(id).listening
  }

  /** The stretch of network before a server. */
  network(id: NodeId): BadNetwork {
    return this.#serverOf(id).proxy
  }

  dataDir(id: NodeId): string {
    return this.#serverOf(id).dataDir
  }

  /** The process that runs the server. */
  process(id: NodeId): BuiltPaxos {
    const { process } = this.#serverOf(id)
    if (process === null) throw new Error(`server ${id} does not run`)
    return process
  }

  /** A client of the library that asks `server` first, and the others after it. */
  connect(server: NodeId = 0, options: ConnectOptions = {}): Client {
    const { address } = this.#serverOf(server)
    const place = this.addresses.indexOf(address)
    const servers = [...this.addresses.slice(place), ...this.addresses.slice(0, place)]
    const client = connect({ servers, ...options })
    this.#clients.add(client)
    return client
  }

  async client(): Promise<TestClient> {
    const clients = new Map<NodeId, Client>()
    return {
      request: async (body: Json, server: NodeId = 0): Promise<Answer> => {
        const client = clients.get(server) ?? this.connect(server)
        clients.set(server, client)
        const answer = await client.request(body)
        this.#lastAnswers.set(server, answer)
        return answer
      },
    }
  }

  async crash(id: NodeId): Promise<void> {
    const running = this.process(id)
    running.signal('SIGKILL')
    await running.ended
    this.#serverOf(id).process = null
  }

  /** Stops a server in good order; answers how it ended. */
  async stop(id: NodeId): Promise<Ended> {
    const running = this.process(id)
    running.signal('SIGTERM')
    const ended = await running.endedWithin(stopPatienceMs)
    this.#serverOf(id).process = null
    return ended
  }

  async restart(
    id: NodeId,
    { args = [], ...limits }: { readonly fileBlocks?: number; readonly args?: readonly string[] } = {},
  ): Promise<void> {
    await this.#run(id, args, limits)
  }

  /** Starts a stopped server under another program. It must end. */
  async restartUnder(id: NodeId, under: readonly string[], patienceMs: number): Promise<Ended> {
    return new BuiltPaxos(['node', ...this.#arguments(id, [])], { under }).endedWithin(patienceMs)
  }

  async join(id: NodeId, seed: NodeId = 0): Promise<void> {
    await this.#place(id)
    await this.#run(id, ['--join', this.#serverOf(seed).address])
  }

  disturb(isDisturbed: boolean): void {
    this.#isDisturbed = isDisturbed
    for (const { proxy } of this.#servers.values()) proxy.isDisturbed = isDisturbed
  }

  /** The log of executed requests is written a moment later: waits for the last request that was asked of the server. */
  async executed(id: NodeId): Promise<readonly string[]> {
    const last = this.#lastAnswers.get(id)
    const awaited = last && `${last.instance}.${last.index} `
    const deadline = performance.now() + tracePatienceMs
    for (;;) {
      const text = await readFile(join(this.dataDir(id), 'executed.log'), 'utf8')
      const lines = text
        .slice(0, text.lastIndexOf('\n') + 1)
        .split('\n')
        .slice(0, -1)
      if (awaited === undefined || lines.some((line) => line.startsWith(awaited))) return lines
      if (performance.now() > deadline) {
        throw new Error(
          `server ${id} has not executed ${awaited}after ${tracePatienceMs} ms: ${lines.at(-1)}`,
        )
      }
      await this.pass(20)
    }
  }

  pass(waitMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, waitMs))
  }

  /** The datagrams that each server receives and sends while `waitMs` pass, and all that it has dropped. */
  async trafficDuring(waitMs: number, looker: Datagrams): Promise<readonly Traffic[]> {
    const counts = () =>
      Promise.all(
        [...this.#servers.values()].map(
          async ({ listening }) => (await looker.inquire(listening)).datagrams as unknown as Traffic,
        ),
      )
    const before = await counts()
    await this.pass(waitMs)
    const after = await counts()
    // The first question was answered after it was counted; the second one was received. A server of another test may have known this
    // port as that of a server of its own cluster.
    return after.map(({ received, sent, dropped: { foreign, ...dropped } }, place) => ({
      received: received - (before[place]?.received ?? 0) - 1,
      sent: sent - (before[place]?.sent ?? 0) - 1,
      dropped,
    }))
  }

  async close(): Promise<void> {
    await this.#end(() => (this.#isRecorded ? this.#replay() : undefined))
  }

  /** Ends everything, and removes the directory after `judge`. */
  async #end(judge: () => Promise<void> | undefined = () => undefined): Promise<void> {
    const servers = [...this.#servers.values()]
    for (const { process } of servers) process?.signal('SIGKILL')
    await Promise.all([
      ...servers.map(({ process }) => process?.ended),
      ...servers.map(({ proxy }) => proxy.close()),
      ...[...this.#clients].map((client) => client.close()),
    ])
    try {
      await judge()
    } finally {
      await rm(this.#directory, { recursive: true, force: true })
    }
  }

  async #replay(): Promise<void> {
    const files = [...this.#servers.keys()].map((id) => readFile(this.#journal(id), 'utf8'))
    const lines = inOrder((await Promise.all(files)).flatMap(parseJournal))
    const replay = new Replay(lines, lockService as Service)
    for (const line of lines) replay.take(line)
    if (replay.judged.length === 0) throw new Error('the invariants were not judged')
  }

  #journal(id: NodeId): string {
    return join(this.#directory, `${id}.ndjson`)
  }

  get #members(): string {
    return [...this.#servers].map(([id, { address }]) => `${id}=${address}`).join(',')
  }

  #serverOf(id: NodeId): Server {
    const server = this.#servers.get(id)
    if (server === undefined) throw new Error(`there is no server ${id}`)
    return server
  }

  /** A place for a server to run at. */
  async #place(id: NodeId): Promise<void> {
    if (id >= maxServers) throw new Error(`ports are kept for servers below ${maxServers}, not for ${id}`)
    const listening = `127.0.0.1:${this.#firstPort + id}`
    const proxy = await BadNetwork.start(listening, id)
    proxy.isDisturbed = this.#isDisturbed
    const dataDir = join(this.#directory, `${id}`)
    this.#servers.set(id, { listening, address: proxy.address, dataDir, proxy, process: null })
  }

  async #run(
    id: NodeId,
    args: readonly string[],
    limits: { readonly fileBlocks?: number } = {},
  ): Promise<void> {
    const server = this.#serverOf(id)
    // What would be lost beyond a limit of files is the store, not the log.
    const log = limits.fileBlocks === undefined ? ['--executed-log'] : []
    server.process = new BuiltPaxos(['node', ...this.#arguments(id, [...log, ...args])], limits)
    await server.process.said(new RegExp(`^server ${id} ready on `, 'm'))
  }

  #arguments(id: NodeId, more: readonly string[]): readonly string[] {
    const { listening, address, dataDir } = this.#serverOf(id)
    const where = ['--listen', listening, '--advertise', address, '--data', dataDir]
    const journal = this.#isRecorded ? ['--journal', this.#journal(id)] : []
    return ['--id', `${id}`, ...where, ...journal, ...this.#args, '--log-level', 'warn', ...more]
  }
}
