import type { Json } from '../../machines/batch.ts'
import type { Client } from '../../src/client/index.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { honestMark } from './corpus.ts'

/** A request that was answered. */
export interface Acknowledged {
  readonly instance: number
  readonly index: number
  readonly command: string
  readonly tookMs: number
}

/** Clients of the library that lock and unlock, some of them the same locks, and write down every answer. */
export class HonestLoad {
  readonly acknowledged: Acknowledged[] = []
  /** What went wrong for a client: nothing may. */
  readonly complaints: string[] = []
  /** The longest that any client waited for an answer, in milliseconds. */
  longestMs = 0
  readonly #ended: Promise<void>[]
  readonly #latest = new Map<string, number>()
  readonly #waitingSinceMs: number[] = []
  #isOver = false

  constructor(clients: readonly Client[]) {
    this.#ended = clients.map((client, index) => this.#work(client, index))
  }

  /** How long the client that waits longest has waited by now. */
  get waitingMs(): number {
    return Math.max(this.longestMs, ...this.#waitingSinceMs.map((sinceMs) => performance.now() - sinceMs))
  }

  /** Ends when every client has the answer that it waits for. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#ended)
  }

  async #work(client: Client, index: number): Promise<void> {
    try {
      for (let turn = 0; !this.#isOver; turn += 1) {
        // One lock that all want, and one that nobody else does.
        const name = turn % 4 === 0 ? `${honestMark}-shared` : `${honestMark}-${index}-${turn % 50}`
        const { token } = (await this.#ask(client, index, lockCommand(name))) as {
          readonly token: number
        }
        this.#checkToken(name, token)
        const { freed } = (await this.#ask(client, index, unlockCommand(name, token))) as {
          readonly freed: boolean
        }
        if (!freed) this.complaints.push(`client ${index} held ${name}, and somebody freed it`)
      }
    } catch (error) {
      this.complaints.push(`client ${index}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#waitingSinceMs[index] = Number.POSITIVE_INFINITY
    }
  }

  async #ask(client: Client, index: number, body: { readonly [key: string]: Json }): Promise<Json> {
    const beganMs = performance.now()
    this.#waitingSinceMs[index] = beganMs
    const { result, ...position } = await client.request(body)
    const tookMs = performance.now() - beganMs
    this.longestMs = Math.max(this.longestMs, tookMs)
    const command = JSON.stringify({ kind: 'service', body })
    this.acknowledged.push({ ...position, command, tookMs })
    return result
  }

  /** Of two holders of one lock, the later one's token is the larger. */
  #checkToken(name: string, token: number): void {
    const before = this.#latest.get(name) ?? -1
    if (token <= before) this.complaints.push(`${name} was granted with the token ${token} after ${before}`)
    this.#latest.set(name, token)
  }
}
