/** A cluster of server processes, for a measurement. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { Agent } from './agent.ts'
import type { Usage } from './commands.ts'
import type { ServerCommands, ServerOptions, ServiceName } from './server-process.ts'

export interface ClusterOptions {
  /** The number of servers, by default three. */
  readonly size?: number
  /** The servers store below this directory, or in memory when it is `null`. */
  readonly directory: string | null
  /** By default the lock service. */
  readonly service?: ServiceName
  /** The folder of the program of a server: that of this build, or of another one. */
  readonly programs?: URL
  /** The address of the inspector's hub to which the servers report. */
  readonly inspect?: string
}

type StartServer = (options: ServerOptions) => Promise<Agent<ServerCommands>>

export class BenchCluster {
  /** The addresses of the servers. Clients ask the first one first, so it leads. */
  readonly servers: readonly string[]
  readonly #options: readonly ServerOptions[]
  readonly #agents: Agent<ServerCommands>[]
  readonly #start: StartServer

  private constructor(
    options: readonly ServerOptions[],
    agents: Agent<ServerCommands>[],
    start: StartServer,
  ) {
    this.#start = start
    this.servers = options.map(({ listen }) => listen)
    this.#options = options
    this.#agents = agents
  }

  static async start(given: ClusterOptions): Promise<BenchCluster> {
    const { size = 3, directory, service = 'lock', inspect } = given
    const { programs = new URL('./', import.meta.url) } = given
    const start: StartServer = (options) => Agent.start(new URL('server-process.js', programs), options)
    const members = (await freeAddresses(size)).map((address, id) => ({ id, address }))
    const options = members.map(({ id, address }) => ({
      ...{ id, listen: address, service },
      dataDir: directory === null ? null : join(directory, String(id)),
      bootstrap: { members },
      ...(inspect !== undefined && { inspect }),
    }))
    return new BenchCluster(options, await Promise.all(options.map(start)), start)
  }

  /** The process ids of the servers. */
  get pids(): readonly number[] {
    return this.#agents.map(({ pid }) => pid)
  }

  /** The processes of the servers, in the order of `servers`. */
  get agents(): readonly Agent<ServerCommands>[] {
    return this.#agents
  }

  usage(): Promise<readonly Usage[]> {
    return Promise.all(this.#agents.map((agent) => agent.call('usage')))
  }

  /** From now on every server loses `share` of the datagrams that it sends. */
  async lose(share: number): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.call('lose', share)))
  }

  /** Kills the process of a server, as `kill -9` does. */
  async kill(id: number): Promise<void> {
    await this.#agents[id]!.end()
  }

  /** Starts a killed server again, with what it stored. */
  async restart(id: number): Promise<void> {
    this.#agents[id] = await this.#start(this.#options[id]!)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.end()))
  }
}

/** Addresses that no process uses. All of their sockets are open at the same time, so that no two are equal. */
async function freeAddresses(count: number): Promise<readonly string[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4').bind(0, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'listening')))
  const addresses = sockets.map((socket) => `127.0.0.1:${socket.address().port}`)
  for (const socket of sockets) socket.close()
  return addresses
}
