/** Whether what the clients saw of a run can be explained: by both linearizability checkers. */
import type { Operation } from '../verify/history.ts'
import { lockModel, type Model, registersAndCountersModel } from '../verify/models.ts'
import { searchLinearization, TooManyConfigurations } from '../verify/search.ts'
import { checkWitness } from '../verify/witness.ts'
import type { ServiceName } from './plan.ts'

/** What the clients saw has no explanation. */
export class NotLinearizable extends Error {
  override readonly name = 'NotLinearizable'
}

/** How many configurations the search may follow before its window is halved. */
const searchLimit = 2_000

const models: Readonly<Record<ServiceName, Model>> = { lock: lockModel, register: registersAndCountersModel }

/**
 * Throws `NotLinearizable` when the positions of the answers, or the answers alone, do not make sense. The search, which does
 * not trust positions, looks at a window from the start of the run: the longest of all, the half, the quarter… that it
 * can afford. Returns how many operations were in it.
 */
export function judgeHistory(operations: readonly Operation[], service: ServiceName): number {
  const model = models[service]
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

/** The first `count` operations; what was answered after the next one was called counts as not answered yet. */
function window(operations: readonly Operation[], count: number): readonly Operation[] {
  const end = operations[count]?.called.order
  if (end === undefined) return operations
  return operations.slice(0, count).map((operation) => {
    const { ending } = operation
    const isOpen = ending.kind === 'answered' && ending.at.order > end
    return isOpen ? { ...operation, ending: { kind: 'unknown', position: ending.position } } : operation
  })
}
