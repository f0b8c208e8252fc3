/** Whole recordings, made of schedules. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import { type ClusterState, clusterSettings } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { possibleEvents } from '../../src/schedule/possible.ts'
import { applyRecorded, foundRecorded } from '../../src/schedule/records.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { Random } from '../../src/simulator/random.ts'
import { runTranscript } from '../../src/transcript/file.ts'

export interface Recording {
  readonly records: readonly InspectorRecord[]
  /** The cluster after all of them. */
  readonly state: ClusterState
}

const folder = join(import.meta.dirname, '../../scenarios')
const service = lockService as Service

/** The files of the scenarios. */
export const scenarioFiles: readonly string[] = readdirSync(folder)

/** What the inspector is told of that scenario. */
export function scenarioRecording(file: string): Recording {
  const { run } = runTranscript(readFileSync(join(folder, file), 'utf8'))
  const events = [...run.events]
  return recordingOf(run.settings, () => events.shift() ?? null)
}

/** What the inspector is told of `count` events, of which each is any that is possible: the network and the disks do their worst. */
export function randomRecording(seed: number, count: number): Recording {
  const random = new Random(seed)
  let events = 0
  return recordingOf(clusterSettings(3), (state) => {
    if (events === count) return null
    events += 1
    const body = { action: 'lock', name: `${events}` }
    if (events % 40 === 1) {
      const client = random.pick(['a', 'b', 'c'])
      const server = serverAskedBy(state, client) ?? seed % 3
      return { type: 'request', client, server, command: { kind: 'service', body } }
    }
    if (events % 60 === 30) return { type: 'cut', links: [{ from: 0, to: 1 }] }
    if (events % 60 === 50) return { type: 'heal' }
    // Most of what is possible is a crash or a loss, and nothing would ever be chosen.
    const possible = possibleEvents(state)
    const kind = random.pick(['deliver', 'deliver', 'deliver', 'sync', 'sync', 'restart', 'any'])
    const wanted = possible.filter(({ type }) => type === kind)
    return random.pick(wanted.length > 0 ? wanted : possible)
  })
}

function recordingOf(
  settings: ReturnType<typeof clusterSettings>,
  next: (state: ClusterState) => ClusterEvent | null,
): Recording {
  const founded = foundRecorded({ settings, service })
  let { state } = founded
  const records = [...founded.records]
  for (let clock = 100; ; clock += 1) {
    const event = next(state)
    if (event === null) return { records, state }
    const step = applyRecorded(state, event, { settings, service }, clock)
    state = step.state
    records.push(...step.records)
  }
}
