import type { Outcome } from '../../machines/outcome.ts'
import type { Session } from './session.ts'

/**
 * What a program holds in a session, from the submission of its request on: while the request waits, and after that if it was executed, the
 * session is kept alive until `release`.
 */
export class Hold<Waiter extends object> {
  readonly session: Session<Waiter>
  #isHeld = true

  constructor(session: Session<Waiter>) {
    this.session = session
    session.hold()
  }

  /** The request has ended with `outcome`. */
  ended(outcome: Outcome): void {
    if (outcome.kind !== 'executed') this.release()
  }

  /** The program holds it no longer. Does nothing when it was released before. */
  release(): void {
    if (this.#isHeld) this.session.release()
    this.#isHeld = false
  }

  /** True while the program may believe that it holds it. */
  get isBelieved(): boolean {
    return this.#isHeld && this.session.lostBecause === null
  }
}
