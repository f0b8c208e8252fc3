/** Faults of the lock service. */

import { endlessOwner, type Ref } from '../../src/services/lock/state.ts'
import { type LockState, lockService } from '../../src/services/lock.ts'
import { numberKey } from '../../src/services/number-key.ts'
import type { RequestName } from '../../src/services/service.ts'
import { entriesOf, get } from '../../src/services/sorted-map.ts'
import { faultyLocks, type Mutation } from './mutation.ts'

/** What a request that has not been collected has. */
function refOf({ owners }: LockState, { uid, seq }: RequestName): Ref | undefined {
  const owner = get(owners, uid) ?? get(owners, endlessOwner(uid, seq))
  return get(owner?.requests ?? null, numberKey(seq))
}

function waits({ waiters }: LockState, uid: string): boolean {
  return entriesOf(waiters).some(([, waiter]) => waiter.uid === uid)
}

/** A later request comes before all that wait. */
function lastFirst(state: LockState): LockState {
  return { ...state, nextArrival: 1_000_000 - state.nextArrival }
}

export const lockFaults: readonly Mutation[] = [
  faultyLocks('leaves the request of a session that has ended in the line', {
    ...lockService,
    requestEnded: (state, request, at) => {
      const ref = refOf(state, request)
      const isWaiting = ref !== undefined && 'place' in ref
      return isWaiting ? { state } : (lockService.requestEnded?.(state, request, at) ?? { state })
    },
    sessionEnded: (state, uid, at) =>
      waits(state, uid) ? { state } : (lockService.sessionEnded?.(state, uid, at) ?? { state }),
  }),
  faultyLocks('keeps a grant that nobody collects', {
    ...lockService,
    requestEnded: (state, request, at) => {
      const ref = refOf(state, request)
      const isGranted = ref !== undefined && 'token' in ref
      return isGranted ? { state } : (lockService.requestEnded?.(state, request, at) ?? { state })
    },
  }),
  faultyLocks('grants out of order', {
    ...lockService,
    execute: (state, command, at) => {
      const outcome = lockService.execute(lastFirst(state), command, at)
      const hasCome = outcome.state.nextArrival !== lastFirst(state).nextArrival
      return { ...outcome, state: { ...outcome.state, nextArrival: state.nextArrival + Number(hasCome) } }
    },
  }),
  faultyLocks('two shared grants share a token', {
    ...lockService,
    execute: (state, command, at) => {
      const outcome = lockService.execute(state, command, at)
      if (outcome.kind !== 'executed' || !('token' in outcome.result)) return outcome
      const { token } = outcome.result
      const grants = [token - 1, token].map((each) => get(outcome.state.grants, numberKey(each)))
      const areShared = grants.every((grant) => grant?.mode === 'shared')
      return areShared ? { ...outcome, result: { token: token - 1 } } : outcome
    },
  }),
  faultyLocks('is not told that a session has ended', {
    ...lockService,
    sessionEnded: (state) => ({ state }),
  }),
]
