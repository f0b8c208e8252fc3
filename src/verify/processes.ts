import type { Operation } from './history.ts'

/**
 * The number of the process of each operation, for other checkers. A process belongs to one client, executes one operation at a
 * time, and ends with an operation that has no answer. A client with several operations in progress has several processes.
 */
export function processesOf(operations: readonly Operation[]): ReadonlyMap<Operation, number> {
  const processes = new Map<Operation, number>()
  /** By client: its processes. Each is free after the answer at `order`. */
  const freeAfter = new Map<string, { readonly process: number; order: number }[]>()
  let count = 0
  for (const operation of [...operations].sort((a, b) => a.called.order - b.called.order)) {
    const { uid, called, ending } = operation
    const ofClient = freeAfter.get(uid) ?? []
    freeAfter.set(uid, ofClient)
    let free = ofClient.find(({ order }) => order < called.order)
    if (free === undefined) {
      free = { process: count, order: 0 }
      ofClient.push(free)
      count += 1
    }
    free.order = ending.kind === 'unknown' ? Number.POSITIVE_INFINITY : ending.at.order
    processes.set(operation, free.process)
  }
  return processes
}
