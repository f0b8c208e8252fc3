/** Records of a cluster that has much to do. */

import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { clusterSettings } from '../../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../../src/schedule/events.ts'
import { applyRecorded, foundRecorded } from '../../../src/schedule/records.ts'
import { nextInOrder } from '../../../src/schedule/settle.ts'
import { knownServices } from '../../../src/services/known.ts'

/** At least so many, of so many servers whose clients lock and unlock one after the other. */
export function busyRecords(servers: number, count: number): readonly InspectorRecord[] {
  const service = knownServices.lock
  const recorded = { settings: clusterSettings(servers, service), service }
  const begun = foundRecorded(recorded)
  const records = [...begun.records]
  let { state } = begun
  let clock = servers
  const happen = (event: ClusterEvent) => {
    clock += 1
    const step = applyRecorded(state, event, recorded, clock)
    state = step.state
    records.push(...step.records)
  }
  for (let turn = 0; records.length < count; turn += 1) {
    const action = turn % 2 === 0 ? 'lock' : 'unlock'
    // Each client has two turns at one server, then the next one has; a ballot of another server now and then.
    const server = Math.floor(turn / 20) % servers
    const client = `c${Math.floor(turn / 2) % 3}`
    happen({ type: 'request', client, server, command: { kind: 'service', body: { action, name: 'x' } } })
    for (let next = nextInOrder(state, { withTimers: false }); next !== null; ) {
      happen(next)
      next = nextInOrder(state, { withTimers: false })
    }
  }
  return records
}
