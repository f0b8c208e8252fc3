import type { Address, NodeId } from '../../machines/batch.ts'
import type { Hub } from '../inspect/hub/hub.ts'
import { inquireOnce } from './inquire.ts'

/** How often servers that have not told anything are asked how they are, in milliseconds. */
const askEveryMs = 3_000

/**
 * Looks after servers that are expected to tell the inspector what happens: while somebody watches, those that do not are
 * asked over UDP, and it is shown why nothing is seen of them.
 */
export class Expected {
  readonly #hub: Pick<Hub, 'counters' | 'servers' | 'show' | 'port'>
  readonly #addresses: readonly Address[]
  /** Of each server, what was shown last. */
  readonly #shown = new Map<NodeId, string>()
  readonly #timer: NodeJS.Timeout
  #isAsking = false

  constructor(hub: Pick<Hub, 'counters' | 'servers' | 'show' | 'port'>, addresses: readonly Address[]) {
    this.#hub = hub
    this.#addresses = addresses
    // A server that reports nothing causes no event here, so only asking it again shows what has become of it.
    this.#timer = setInterval(() => void this.look(), askEveryMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Asks those that are missing, if somebody watches. */
  async look(): Promise<void> {
    for (const { hello } of this.#hub.servers) this.#shown.delete(hello.node)
    const missing = this.#missing()
    if (this.#isAsking || this.#hub.counters.pages === 0 || missing.length === 0) return
    this.#isAsking = true
    try {
      const answers = await inquireOnce(missing, 1_000)
      // Some may have begun to tell meanwhile, and some tell that they are at another address than the one given.
      const still = this.#missing()
      const telling = this.#hub.servers.map(({ hello }) => hello.node)
      for (const { server, report } of answers) {
        if (report !== null && still.includes(server) && !telling.includes(report.id)) this.#show(report.id)
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
    const reason = `it runs, but tells nothing: start it with --inspect 127.0.0.1:${this.#hub.port}`
    if (this.#shown.get(node) === reason) return
    this.#shown.set(node, reason)
    this.#hub.show({ kind: 'process', node, timeMs: Date.now(), state: 'silent', reason })
  }
}
