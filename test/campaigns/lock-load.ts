import type { Json } from '../../machines/batch.ts'
import type { Client } from '../../src/client/index.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { History } from '../../src/verify/history.ts'
import type { Answered } from '../support/executed-orders.ts'

/** The requests that each client has outstanding. */
const outstanding = 4
/** The pause of a worker between two requests, in milliseconds: the disk is under load, and the history stays short. */
const pauseMs = 5

/** Clients that lock and unlock, each with several requests outstanding, and the history that they see. */
export class LockLoad {
  readonly history = new History()
  readonly answered: Answered[] = []
  /** The longest wait for an answer, in milliseconds. */
  longestMs = 0
  readonly #ended: Promise<unknown>
  #isOver = false

  constructor(clients: readonly Client[]) {
    const workers = clients.flatMap((client) => Array.from({ length: outstanding }, () => client))
    this.#ended = Promise.all(workers.map((client, worker) => this.#work(client, worker)))
    this.#ended.catch(() => undefined)
  }

  /** Ends when each client has the answers that it waits for. Throws the error of a client. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#ended
  }

  async #work(client: Client, worker: number): Promise<void> {
    let seq = 0
    const ask = (body: { readonly [field: string]: Json }): Promise<Json> => {
      seq += 1
      return this.#ask(client, `worker-${worker}`, seq, body)
    }
    for (let turn = 0; !this.#isOver; turn += 1) {
      // One lock in four is wanted by all.
      const name = turn % 4 === 0 ? 'shared' : `own-${worker}-${turn % 20}`
      const { token } = (await ask(lockCommand(name))) as { readonly token: number }
      await ask(unlockCommand(name, token))
      await new Promise((next) => setTimeout(next, pauseMs))
    }
  }

  async #ask(
    client: Client,
    uid: string,
    seq: number,
    body: { readonly [field: string]: Json },
  ): Promise<Json> {
    const beganMs = performance.now()
    this.history.called(uid, seq, body, beganMs)
    const { result, instance, index } = await client.request(body)
    this.history.ended(uid, seq, { kind: 'executed', result, instance, index }, performance.now())
    this.answered.push({ instance, index, command: JSON.stringify({ kind: 'service', body }) })
    this.longestMs = Math.max(this.longestMs, performance.now() - beganMs)
    return result
  }
}
