/** The invariants, by number and name, and what is thrown when one does not hold. */

/** What must hold wherever the machines run. */
export const invariantNames = {
  1: 'agreement',
  2: 'validity',
  3: 'promises',
  4: 'chosen stays chosen',
  5: 'serial',
  6: 'integrity',
  7: 'prefix',
  8: 'responses',
  9: 'nothing held is forgotten',
  10: 'locks',
  11: 'progress',
  12: 'quiet',
  13: 'replicated clock',
} as const

export type Invariant = keyof typeof invariantNames

/** An invariant does not hold. The message names the invariant, and says what was wrong and where. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: Invariant

  constructor(invariant: Invariant, what: string) {
    super(`invariant ${invariant} (${invariantNames[invariant]}): ${what}`)
    this.invariant = invariant
  }
}
