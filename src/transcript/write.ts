/** From chosen events to a transcript: so that what a search or a page has found can be read, kept and run again. */
import { applyEvent, foundCluster } from '../schedule/apply.ts'
import { type ClusterState, clusterSettings, type Flying } from '../schedule/cluster.ts'
import type { ClusterEvent } from '../schedule/events.ts'
import type { Handling } from './command.ts'
import { type FinishedTranscript, runTranscript } from './file.ts'
import { eventText } from './resolve.ts'
import type { TranscriptOptions } from './run.ts'

/** An event of a cluster; a datagram may be named by what it is, for those who do not count datagrams. */
export type ChosenEvent =
  | ClusterEvent
  | ({ readonly type: Handling } & Pick<Flying, 'from' | 'to' | 'message'>)

export interface ChosenSchedule {
  readonly servers: number
  /** The comment with which the transcript begins, a line each. */
  readonly about: readonly string[]
  readonly events: readonly ChosenEvent[]
}

/**
 * The transcript of those events in a cluster of the lock service, with what happened. Throws when one of the events names
 * what is not there. What the last event breaks, an invariant or an assertion of a role, is the transcript's failure.
 */
export function writeTranscript(
  { servers, about, events }: ChosenSchedule,
  options: TranscriptOptions = {},
): FinishedTranscript {
  const usual = clusterSettings(servers)
  const settings = options.adapt?.(usual) ?? usual
  const lines = [`servers ${servers}`]
  let { state } = foundCluster(settings)
  for (const [place, chosen] of events.entries()) {
    const event = numbered(state, chosen)
    lines.push(eventText(state, event))
    // What the last one throws belongs into the transcript.
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
  if (datagram === undefined) throw new Error(`no such ${message.type} flies from ${from} to ${to}`)
  return { type, flight: datagram.id }
}
