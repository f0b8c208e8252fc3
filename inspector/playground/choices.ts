/** All events that can happen next, in groups and in words, for the reader to choose from. */
import type { AnyMachineSnapshot } from 'xstate'
import type { NodeId } from '../../machines/batch.ts'
import type { ClientContext } from '../../machines/client.ts'
import { delayName } from '../../src/core/chart-names.ts'
import { requestName, uidOf } from '../../src/core/names.ts'
import { messageText } from '../../src/messages/dictionary.ts'
import type { ClusterState, Flying, ServerState } from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import { timersOf } from '../../src/schedule/possible.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import { partyText } from '../model/record-text.ts'

/** A button: its text and its event. */
export interface Choice {
  /** One or two words. The row has the rest. */
  readonly label: string
  /** The complete text, for screen readers. */
  readonly title: string
  readonly event: ClusterEvent
}

/** The choices for one object. */
export interface ChoiceRow {
  /** Stays the same while the object exists. */
  readonly key: string
  readonly words: string
  readonly choices: readonly Choice[]
}

export interface ChoiceGroup {
  readonly name: string
  readonly rows: readonly ChoiceRow[]
}

/** Messages in flight, servers and their disks, timers, clients: every group, including empty ones. */
export function choicesIn(state: ClusterState): readonly ChoiceGroup[] {
  return [
    { name: 'Messages in flight', rows: state.flying.map(flyingRow) },
    { name: 'Servers', rows: state.servers.map((server) => serverRow(server, state)) },
    { name: 'Timers', rows: timersOf(state).map(({ event, dueMs }) => timerRow(event, dueMs)) },
    { name: 'Requests', rows: requestRows(state) },
  ]
}

function flyingRow({ id, from, to, message }: Flying): ChoiceRow {
  const words = `${from} → ${to}  ${messageText(message)}`
  const aloud = `${messageText(message)} from ${partyText(from)} to ${partyText(to)}`
  const choice = (type: 'deliver' | 'drop' | 'duplicate', label: string): Choice => ({
    label,
    title: `${label} ${aloud}`,
    event: { type, flight: id },
  })
  return {
    key: `flight ${id}`,
    words,
    choices: [choice('deliver', 'Deliver'), choice('drop', 'Drop'), choice('duplicate', 'Duplicate')],
  }
}

function serverRow({ id, node: { disk, running } }: ServerState, { servers }: ClusterState): ChoiceRow {
  const key = `server ${id}`
  const at = (label: string, event: ClusterEvent): Choice => ({
    label,
    title: `${label}: server ${id}`,
    event,
  })
  if (running === null) {
    return { key, words: `server ${id} is down`, choices: [at('Restart', { type: 'restart', server: id })] }
  }
  const unsynced = unsyncedWrites(disk)
  const isSyncing = disk.syncing.length > 0
  const keeping = (label: string, type: 'crash' | 'sync.failed'): Choice[] =>
    Array.from({ length: unsynced + 1 }, (_, survived) =>
      at(unsynced === 0 ? label : `${label}, ${survived} of ${unsynced} kept`, {
        type,
        server: id,
        survived,
      }),
    )
  const others = servers.filter((other) => other.id !== id && other.node.running !== null)
  const isMember = running.replica.members.some((member) => member.id === id)
  return {
    key,
    words:
      unsynced === 0
        ? `server ${id}`
        : `server ${id}, ${unsynced} ${unsynced === 1 ? 'write' : 'writes'} not synced`,
    choices: [
      ...(isSyncing ? [at('Sync', { type: 'sync', server: id })] : []),
      ...keeping('Crash', 'crash'),
      ...(isSyncing ? keeping('Sync fails', 'sync.failed') : []),
      ...(isMember
        ? []
        : others.map((other) => at(`Greet ${other.id}`, { type: 'greet', server: id, via: other.id }))),
    ],
  }
}

function timerRow(
  event: Extract<ClusterEvent, { type: 'timer' | 'client.timer' }>,
  dueMs: number,
): ChoiceRow {
  const owner = event.type === 'timer' ? `${event.server} ${event.role}` : `client ${event.client}`
  const words = `${owner} ${delayName(event.id)}, due at ${Math.round(dueMs)} ms`
  return {
    key: `timer ${owner} ${event.id}`,
    words,
    choices: [{ label: 'Fire', title: `Fire ${words}`, event }],
  }
}

function requestRows({ clients, servers }: ClusterState): readonly ChoiceRow[] {
  return clients.flatMap(({ name, requests, snapshot }) =>
    requests
      .filter(({ outcome }) => outcome === null)
      .map(({ seq }): ChoiceRow => {
        const request = nameOf(name, seq)
        const resend = (server: NodeId): Choice => ({
          label: `Send to ${server}`,
          title: `Send to ${server}: ${request} again`,
          event: { type: 'resend', client: name, seq, server },
        })
        return {
          key: request,
          words: `${request} ${standingOf(snapshot, seq)}`,
          choices: [
            ...servers.map(({ id }) => resend(id)),
            { label: 'Give up', title: `Give up ${request}`, event: { type: 'give.up', client: name, seq } },
          ],
        }
      }),
  )
}

/** What the client knows of an open request. */
function standingOf({ context }: AnyMachineSnapshot, seq: number): 'asked' | 'held' | 'in the backlog' {
  const { open } = (context as ClientContext).requests
  const request = open.find((other) => other.seq === seq)
  if (request === undefined) return 'in the backlog'
  return request.reaskAtMs === null ? 'asked' : 'held'
}

function nameOf(client: string, seq: number): string {
  return requestName({ uid: uidOf(client), seq })
}
