/** What the inspector is told of schedules of chance. */

import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { type ClusterState, clusterSettings } from '../../src/schedule/cluster.ts'
import { applyRecorded, foundRecorded } from '../../src/schedule/records.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { runRandomSchedule } from './random-schedule.ts'
import { lock, unlock } from './schedule.ts'

export interface RandomRecords {
  readonly seed: number
  readonly events: number
  readonly servers: number
  /** Is given the cluster and all records so far, after each event. */
  readonly watch?: (state: ClusterState, records: readonly InspectorRecord[]) => void
}

/** The records of a schedule of chance, in which clients lock and unlock, and everything goes wrong now and then. */
export function randomRecords({ seed, events, servers, watch }: RandomRecords): readonly InspectorRecord[] {
  const service = lockService as Service
  const settings = clusterSettings(servers, service)
  const recorded = { settings, service }
  const records: InspectorRecord[] = []
  let clock = 100
  runRandomSchedule({
    seed,
    events,
    settings,
    clients: 4,
    command: (random) => {
      const name = random < 0.25 || random >= 0.75 ? 'x' : 'y'
      return random < 0.5 ? lock(name) : unlock(name)
    },
    watch: (event, before, step) => {
      const { records: told } =
        event === null ? foundRecorded(recorded) : applyRecorded(before, event, recorded, clock)
      clock += 1
      records.push(...told)
      watch?.(step.state, records)
    },
  })
  return records
}
