import fc from 'fast-check'
import { test } from 'vitest'
import { runSessions, sessionSteps } from './session-model.ts'

test('any touches, requests that wait, revocations and times: sessions end as in the model, and free what they have', () => {
  fc.assert(
    fc.property(sessionSteps, (steps) => runSessions(steps)),
    { numRuns: 300 },
  )
})
