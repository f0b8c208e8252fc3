/** The servers that the hub refused lately: counted, so that nobody has to guess why nothing is seen of them. */
import type { Refusal, ServerHello } from '../records/protocol.ts'
import { clusterKey } from './cluster-key.ts'

/** Different servers that are remembered. */
const mostRefusals = 20

export class Refusals {
  readonly #byServer = new Map<string, Refusal>()
  /** All, also those that are forgotten. */
  count = 0

  /** The latest last. */
  get list(): readonly Refusal[] {
    return [...this.#byServer.values()]
  }

  /** The server was refused. Gives what is known of its refusals. */
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

  /** The server was taken. */
  forget(hello: ServerHello): boolean {
    return this.#byServer.delete(`${clusterKey(hello)} ${hello.node}`)
  }
}
