/**
 * A part of invariant 6. When a request is refused as expired soon after it was first sent, the client library sends it again in a
 * new session. Such a request must never be executed, neither before nor after the refusal. Only an engine that knows real time can
 * judge this.
 */
import { requestId } from '../../machines/held-requests.ts'
import type { Fact } from '../core/facts.ts'
import { Violation } from '../core/violation.ts'
import { wasNeverExecuted } from '../services/expiry.ts'

export class Expiry {
  readonly #sessionIdleMs: number
  /** By name of the request: the time when it was first sent. */
  readonly #sentMs = new Map<string, number>()
  readonly #executed = new Set<string>()
  /** The requests that the library would send again. */
  readonly #moved = new Set<string>()

  constructor(sessionIdleMs: number) {
    this.#sessionIdleMs = sessionIdleMs
  }

  /** Takes the next fact, at `nowMs` of real time. Throws a `Violation` when it breaks the invariant. */
  observe(fact: Fact, nowMs: number): void {
    switch (fact.type) {
      case 'requested': {
        const id = requestId(fact.request)
        if (!this.#sentMs.has(id)) this.#sentMs.set(id, nowMs)
        return
      }
      case 'executed':
        for (const ended of fact.execution.outcomes) {
          const { kind } = ended.outcome
          if (kind === 'executed' || kind === 'failed') this.#execute(requestId(ended))
        }
        return
      case 'responded': {
        const { message } = fact
        if (message.type !== 'response') return
        for (const { seq, outcome } of message.answers) {
          if (outcome.kind !== 'refused' || outcome.reason !== 'expired') continue
          this.#refuse(requestId({ uid: message.uid, seq }), nowMs)
        }
        return
      }
      default:
      // No other fact ends a request.
    }
  }

  #execute(id: string): void {
    this.#executed.add(id)
    if (this.#moved.has(id)) this.#violate(id)
  }

  #refuse(id: string, nowMs: number): void {
    const sentMs = this.#sentMs.get(id)
    if (sentMs === undefined || !wasNeverExecuted(nowMs - sentMs, this.#sessionIdleMs)) return
    this.#moved.add(id)
    if (this.#executed.has(id)) this.#violate(id)
  }

  #violate(id: string): never {
    throw new Violation(
      6,
      `the request ${id} was executed and also refused as expired, so soon after it was sent that its client sends it again in a new session`,
    )
  }
}
