import type { SubmittedRequest } from '../../machines/session-requests.ts'
import type { SessionActor } from './session.ts'

/** What one turn of the event loop submits and gives up. The chart of a client receives it in one event of each kind. */
export class Submissions {
  #submitted: SubmittedRequest[] = []
  #givenUp: number[] = []

  submit(request: SubmittedRequest): void {
    this.#submitted.push(request)
  }

  giveUp(seq: number): void {
    this.#givenUp.push(seq)
  }

  /** Drops all of it. Returns the requests. */
  drop(): readonly SubmittedRequest[] {
    const requests = this.#submitted
    this.#submitted = []
    this.#givenUp = []
    return requests
  }

  /**
   * Passes it on. In this order: the chart must know the cancel of a request before it forgets the request, because the cancel keeps the
   * outcome from being acknowledged.
   */
  passTo(actor: SessionActor, now: { readonly servers: () => number; readonly nowMs: () => number }): void {
    const [requests, seqs] = [this.#submitted, this.#givenUp]
    if (requests.length > 0) {
      this.#submitted = []
      actor.send({ type: 'request.submitted', requests, servers: now.servers(), atMs: now.nowMs() })
    }
    if (seqs.length > 0) {
      this.#givenUp = []
      actor.send({ type: 'give.up', seqs })
    }
  }
}
