/** Checks of the invariants that `lease-context.ts` states. */
import { type Invariants, isIn } from './invariant.ts'
import type { LeaseContext } from './lease-context.ts'

export const leaseInvariants: Invariants<LeaseContext> = {
  provenAtMs: ({ context, before }) =>
    before !== null && context.provenAtMs < before.context.provenAtMs
      ? `the proof went back from ${before.context.provenAtMs} to ${context.provenAtMs}`
      : null,
  nowMs: ({ context, before }) =>
    before !== null && context.nowMs < before.context.nowMs
      ? `the time went back from ${before.context.nowMs} to ${context.nowMs}`
      : null,
  lostBecause: (step) => {
    const { lostBecause } = step.context
    if (isIn(step, 'lost') === (lostBecause !== null)) return null
    return lostBecause === null
      ? 'it is lost for no reason'
      : `it was lost (${lostBecause}) and is not in lost`
  },
}
