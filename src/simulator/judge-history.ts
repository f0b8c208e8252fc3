/** Judges the history of the clients of a run with both linearizability checkers. */
import type { History, Operation } from '../verify/history.ts'
import { lockModel, type Model, registersAndCountersModel } from '../verify/models.ts'
import { searchLinearization, TooManyConfigurations } from '../verify/search.ts'
import { withSessionEnds } from '../verify/session-ends.ts'
import { checkWitness } from '../verify/witness.ts'
import type { ServiceName } from './plan.ts'

/** The history of the clients is not linearizable. */
export class NotLinearizable extends Error {
  override readonly name = 'NotLinearizable'
}

/** The number of configurations that the search may follow before its window is halved. */
const searchLimit = 2_000

const models: Readonly<Record<ServiceName, Model>> = { lock: lockModel, register: registersAndCountersModel }

/**
 * Throws `NotLinearizable` when the history is not linearizable by the positions of the answers, or by the answers alone. The
 * search, which ignores positions, judges a window from the start of the run: all operations, a half, a quarter, and so on,
 * until the limit suffices. Returns the number of operations in the window.
 */
export function judgeHistory(history: History, service: ServiceName): number {
  const model = models[service]
  // Only locks end with the session that took them.
  const operations =
    service === 'lock' ? withSessionEnds(history.operations, history.sessionEnds) : history.operations
  const flaw = checkWitness(operations, model)
  if (flaw !== null) throw new NotLinearizable(`by its positions: ${flaw.message}`)
  for (let count = operations.length; ; count = count >> 1) {
    try {
      const unexplained = searchLinearization(window(operations, count), model, searchLimit)
      if (unexplained !== null) throw new NotLinearizable(`by its answers alone: ${unexplained.message}`)
      return count
    } catch (error) {
      if (!(error instanceof TooManyConfigurations)) throw error
    }
  }
}

/** The first `count` operations. Those that were answered after the next operation was called count as unanswered. */
function window(operations: readonly Operation[], count: number): readonly Operation[] {
  const end = operations[count]?.called.order
  if (end === undefined) return operations
  return operations.slice(0, count).map((operation) => {
    const { ending } = operation
    const isOpen = ending.kind === 'answered' && ending.at.order > end
    return isOpen ? { ...operation, ending: { kind: 'unknown', position: ending.position } } : operation
  })
}
