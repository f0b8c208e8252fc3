/** The servers that the hub refused recently, with a count for each, so that the reader sees why they are missing. */
import type { Refusal, ServerHello } from '../records/protocol.ts'
import { clusterKey } from './cluster-key.ts'

/** The number of different servers that are kept. */
const mostRefusals = 20

export class Refusals {
  readonly #byServer = new Map<string, Refusal>()
  /** The total, including evicted entries. */
  count = 0

  /** The latest last. */
  get list(): readonly Refusal[] {
    return [...this.#byServer.values()]
  }

  /** Counts a refusal of the server. Returns its entry. */
  add(hello: ServerHello, reason: string, timeMs: number): Refusal {
    const { cluster, service, node, address } = hello
    const key = clusterKey(hello)
    const server = `${key} ${node}`
    const count = (this.#byServer.get(server)?.count ?? 0) + 1
    const refusal = { key, cluster, service, node, address, reason, count, timeMs }
    this.count += 1
    this.#byServer.delete(server)
    this.#byServer.set(server, refusal)
    const [oldest] = this.#byServer.keys()
    if (this.#byServer.size > mostRefusals && oldest !== undefined) this.#byServer.delete(oldest)
    return refusal
  }

  /** Removes a server that was admitted. */
  forget(hello: ServerHello): boolean {
    return this.#byServer.delete(`${clusterKey(hello)} ${hello.node}`)
  }
}
