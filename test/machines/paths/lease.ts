import { type LeaseContext, type LeaseEvent, leaseMachine } from '../../../machines/lease.ts'
import type { Chart } from './chart.ts'

const ttlMs = 3_000

/** The session is believed in at the first of these ages of the proof, a touch is due at the second, and it is over at the third. */
const agesMs = [0, ttlMs / 2, ttlMs]

/** Each event, where time matters at each age of the proof; touches are answered that were sent long ago or now. */
function happenings({ nowMs, provenAtMs }: LeaseContext): LeaseEvent[] {
  const times = agesMs.map((ageMs) => Math.max(nowMs, provenAtMs + ageMs))
  return [
    { type: 'session.ended' },
    ...times.flatMap((atMs): LeaseEvent[] => [
      { type: 'need.began', atMs },
      ...[true, false].map((isNeeded) => ({ type: 'clock.read', atMs, isNeeded }) as const),
      ...[provenAtMs, atMs].map(
        (sentAtMs) => ({ type: 'touch.answered', sentAtMs, atMs, isRevoked: false }) as const,
      ),
      { type: 'touch.answered', sentAtMs: atMs, atMs, isRevoked: true },
    ]),
  ]
}

/** A lease of a session that was just opened, and all that may happen to it. */
export const leaseChart: Chart = {
  name: 'lease',
  machine: leaseMachine,
  input: { ttlMs, provenAtMs: 0 },
  happenings: ({ context }) => happenings(context),
  situation: ({ context }) => situation(context),
}

function situation({ nowMs, provenAtMs, isTouching, lostBecause }: LeaseContext) {
  const ageMs = nowMs - provenAtMs
  return { age: agesMs.filter((age) => age <= ageMs).length, isTouching, lostBecause }
}
