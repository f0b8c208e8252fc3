import { type Invariant, invariants } from './invariants.ts'

/** An invariant does not hold. The message names the invariant, and says what is wrong and where. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: Invariant

  constructor(invariant: Invariant, what: string) {
    super(`invariant ${invariant} (${invariants[invariant].name}): ${what}`)
    this.invariant = invariant
  }
}
