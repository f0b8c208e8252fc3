import type { NodeId } from '../../machines/batch.ts'
import { lockModel } from '../../src/verify/models.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import { difference, executedTwice, lostAnswers } from '../support/executed-orders.ts'
import type { LiveCluster } from '../support/live-cluster.ts'
import type { LockLoad } from './lock-load.ts'

/**
 * What does not hold after a load has stopped: each answer was executed where it says, once, by all servers in one order, and the
 * history of the locks is linearizable.
 */
export async function judge(
  cluster: LiveCluster,
  load: LockLoad,
  servers: readonly NodeId[],
): Promise<readonly string[]> {
  const { request } = await cluster.client()
  // A request at each server brings it up to all that was answered before.
  for (const id of servers) await request({ action: 'unlock', name: 'judge' }, id)
  const orders = await Promise.all(servers.map((id) => cluster.executed(id)))
  const twice = executedTwice(orders)
  const lost = lostAnswers(load.answered, orders)
  const flaw = checkWitness(load.history.operations, lockModel)
  return [
    difference(orders) ?? [],
    twice.length === 0 ? [] : `executed twice: ${twice.slice(0, 3).join(', ')}`,
    lost.length === 0 ? [] : `answered and lost: ${JSON.stringify(lost.slice(0, 3))}`,
    flaw === null ? [] : `the history is not linearizable: ${flaw.message}`,
  ].flat()
}
