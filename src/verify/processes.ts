import type { Operation } from './history.ts'

/**
 * A number for each operation, as other checkers want them: a process does one thing at a time, belongs to one client, and
 * does nothing more after an operation that has no answer. A client with several operations under way is several processes.
 */
export function processesOf(operations: readonly Operation[]): ReadonlyMap<Operation, number> {
  const processes = new Map<Operation, number>()
  /** By client: its processes, each with the order of the answer after which it is free. */
  const freeAfter = new Map<string, { readonly process: number; order: number }[]>()
  let count = 0
  for (const operation of [...operations].sort((a, b) => a.called.order - b.called.order)) {
    const { uid, called, ending } = operation
    const ofClient = freeAfter.get(uid) ?? []
    freeAfter.set(uid, ofClient)
    let lane = ofClient.find(({ order }) => order < called.order)
    if (lane === undefined) {
      lane = { process: count, order: 0 }
      ofClient.push(lane)
      count += 1
    }
    lane.order = ending.kind === 'unknown' ? Number.POSITIVE_INFINITY : ending.at.order
    processes.set(operation, lane.process)
  }
  return processes
}
