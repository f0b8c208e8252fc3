import type { Address, NodeId } from '../../machines/batch.ts'
import type { Hub } from '../inspect/hub/hub.ts'
import { inquireOnce } from './inquire.ts'

/** The interval in which servers that do not report are asked for their status, in milliseconds. */
const askEveryMs = 3_000

/**
 * Watches the servers that are expected to report to the inspector. While a page is open, it asks the missing servers over UDP
 * and shows why they do not report.
 */
export class Expected {
  readonly #hub: Pick<Hub, 'counters' | 'servers' | 'show' | 'port'>
  readonly #addresses: readonly Address[]
  /** The last shown reason for each server. */
  readonly #shown = new Map<NodeId, string>()
  readonly #timer: NodeJS.Timeout
  #isAsking = false

  constructor(hub: Pick<Hub, 'counters' | 'servers' | 'show' | 'port'>, addresses: readonly Address[]) {
    this.#hub = hub
    this.#addresses = addresses
    // A server that does not report causes no event here, so only a repeated question shows its state.
    this.#timer = setInterval(() => void this.look(), askEveryMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Asks the missing servers if a page is open. */
  async look(): Promise<void> {
    for (const { hello } of this.#hub.servers) this.#shown.delete(hello.node)
    const missing = this.#missing()
    if (this.#isAsking || this.#hub.counters.pages === 0 || missing.length === 0) return
    this.#isAsking = true
    try {
      const answers = await inquireOnce(missing, 1_000)
      // Some may have started to report in the meantime, and some report another address than the one given.
      const still = this.#missing()
      const reporting = this.#hub.servers.map(({ hello }) => hello.node)
      for (const { server, report } of answers) {
        if (report !== null && still.includes(server) && !reporting.includes(report.id)) this.#show(report.id)
      }
    } finally {
      this.#isAsking = false
    }
  }

  #missing(): readonly Address[] {
    const there = this.#hub.servers.map(({ hello }) => hello.address)
    return this.#addresses.filter((address) => !there.includes(address))
  }

  #show(node: NodeId): void {
    const reason = `it runs, but does not report: start it with --inspect 127.0.0.1:${this.#hub.port}`
    if (this.#shown.get(node) === reason) return
    this.#shown.set(node, reason)
    this.#hub.show({ kind: 'process', node, timeMs: Date.now(), state: 'silent', reason })
  }
}
