/** Converts chosen events to a transcript, so that the finding of a search or a page can be read, stored and replayed. */
import { applyEvent, foundCluster } from '../schedule/apply.ts'
import { type ClusterState, clusterSettings, type EndingSession, type Flying } from '../schedule/cluster.ts'
import type { ClusterEvent } from '../schedule/events.ts'
import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import type { Handling } from './command.ts'
import { type FinishedTranscript, runTranscript } from './file.ts'
import { eventText, foundingText } from './resolve.ts'
import type { TranscriptOptions } from './run.ts'

/** An event of a cluster. It may name a datagram by its content, for callers that do not count datagrams. */
export type ChosenEvent =
  | ClusterEvent
  | ({ readonly type: Handling } & Pick<Flying, 'from' | 'to' | 'message'>)

export interface ChosenSchedule {
  readonly servers: number
  readonly ending?: EndingSession | null
  /** After how many requests a server takes a snapshot; by default never. */
  readonly snapshotEvery?: number | null
  /** The lines of the comment at the start of the transcript. */
  readonly about: readonly string[]
  readonly events: readonly ChosenEvent[]
}

/**
 * The transcript of the events in a cluster of the lock service, with the happenings. Throws when an event names a datagram that is not
 * in flight. When the last event breaks an invariant or an assertion of a role, that is the failure of the transcript.
 */
export function writeTranscript(
  { servers, ending = null, snapshotEvery = null, about, events }: ChosenSchedule,
  options: TranscriptOptions = {},
): FinishedTranscript {
  const usual = clusterSettings(servers, lockService as Service, ending, snapshotEvery)
  const settings = options.adapt?.(usual) ?? usual
  const lines = [foundingText({ count: servers, service: 'lock', ending, snapshotEvery })]
  let { state } = foundCluster(settings)
  for (const [place, chosen] of events.entries()) {
    const event = numbered(state, chosen)
    lines.push(eventText(state, event))
    // An error of the last event belongs into the transcript.
    if (place < events.length - 1) ({ state } = applyEvent(state, event, settings))
  }
  const comment = about.map((line) => `# ${line}\n`).join('')
  return runTranscript(`${comment}${lines.join('\n\n')}\n`, options)
}

function numbered(state: ClusterState, chosen: ChosenEvent): ClusterEvent {
  if (!('message' in chosen)) return chosen
  const { type, from, to, message } = chosen
  const wanted = JSON.stringify(message)
  const datagram = state.flying.find(
    (other) => other.from === from && other.to === to && JSON.stringify(other.message) === wanted,
  )
  if (datagram === undefined) throw new Error(`no such ${message.type} is in flight from ${from} to ${to}`)
  return { type, flight: datagram.id }
}
