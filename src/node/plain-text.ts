import type { Address } from '../../machines/batch.ts'
import type { Message, RequestMessage } from '../../machines/messages.ts'
import { plainTextUid } from '../services/plain-text.ts'
import { formatRespond, type SeedRequest } from './wire/seed-text.ts'

/** Requests that are remembered, so that they can be answered in their own words. */
const requestsRemembered = 20_000

/** What a client is told in plain text; or nothing, and why. */
export type PlainAnswer = { readonly text: string } | { readonly silence: string }

/**
 * Clients that speak the seed's plain text: what they ask for becomes requests of the cluster, and responses become text. The
 * seed knows one answer, and gives it when a request has executed.
 */
export class PlainTextClients {
  /** By name of the request in the cluster. */
  readonly #asked = new Map<string, SeedRequest>()

  /**
   * What the client at `source` asks for. Its session is its address and the lock, and its name there has the action in it: so
   * two requests of one name are one request, whichever client of that address asks, and at whichever server.
   */
  requestOf(asked: SeedRequest, source: Address): RequestMessage {
    const { action, name } = asked
    const uid = plainTextUid(source, name)
    const seq = 2 * asked.seq + (action === 'LOCK' ? 0 : 1)
    this.#remember(`${seq}:${uid}`, asked)
    const body = { action: action === 'LOCK' ? 'lock' : 'unlock', name }
    return { type: 'request', uid, seq, ackedBelow: 0, command: { kind: 'service', body } }
  }

  /** The answer that `message` is; `null` when there is none yet. */
  answerTo(message: Message): PlainAnswer | null {
    if (message.type !== 'response') return null
    const name = `${message.seq}:${message.uid}`
    const asked = this.#asked.get(name)
    this.#asked.delete(name)
    if (asked === undefined) return null
    const { outcome } = message
    switch (outcome.kind) {
      case 'executed':
        return { text: formatRespond(asked) }
      case 'failed':
        return { silence: `the service failed ${asked.tuple}: ${outcome.error}` }
      case 'cancelled':
        return { silence: `${asked.tuple} was cancelled` }
      case 'refused':
        return { silence: `${asked.tuple} repeats a request whose grant has ended` }
    }
    outcome satisfies never
    return null
  }

  #remember(name: string, asked: SeedRequest): void {
    this.#asked.delete(name)
    this.#asked.set(name, asked)
    if (this.#asked.size <= requestsRemembered) return
    const [oldest] = this.#asked.keys()
    if (oldest !== undefined) this.#asked.delete(oldest)
  }
}
