/** Converts the commands of a transcript to the events of a cluster, and back. */
import type { Command, Json, MembershipChange, NodeId } from '../../machines/batch.ts'
import { delayName } from '../core/chart-names.ts'
import { serverAddress } from '../core/names.ts'
import { commandText } from '../messages/part-texts.ts'
import { type ClusterState, type Flying, serverOf } from '../schedule/cluster.ts'
import type { ClusterEvent } from '../schedule/events.ts'
import { timersOf } from '../schedule/possible.ts'
import { type LockToken, lockCommand, unlockCommand } from '../services/lock-commands.ts'
import { unsyncedWrites } from '../stepped/disk.ts'
import type { EventCommand, Pattern, TranscriptCommand } from './command.ts'

/** A command that cannot be executed in the present state. */
export class Impossible extends Error {
  override readonly name = 'Impossible'
}

/** The events of one command, in order. Throws `Impossible` when the command names a datagram, timer or server that is not there. */
export function eventsOf(state: ClusterState, command: EventCommand): readonly ClusterEvent[] {
  switch (command.verb) {
    case 'event':
      return [command.event]
    case 'request': {
      const { verb: type, words, ...asked } = command
      return [{ type, ...asked, command: bodyOf(state, words) }]
    }
    case 'read': {
      const { client, server, words } = command
      return [{ type: 'read', client, server, body: readIn(state, words) }]
    }
    case 'one': {
      const datagram = fitting(state, command.pattern)[command.nth - 1]
      if (datagram === undefined) throw new Impossible('no such datagram is in flight')
      return [{ type: command.handling, flight: datagram.id }]
    }
    case 'all':
      return fitting(state, command.pattern).map(({ id }) => ({ type: command.handling, flight: id }))
    case 'timer':
      return [timerEvent(state, command)]
    case 'crash':
    case 'fail-sync': {
      const { verb, server, keeping } = command
      const unsynced = unsyncedWrites(serverOf(state, server).node.disk)
      const type = verb === 'crash' ? 'crash' : 'sync.failed'
      return [{ type, server, survived: keeping === 'all' ? unsynced : keeping }]
    }
    case 'join': {
      const { server, via } = command
      return [{ type: 'join', server }, ...(via === null ? [] : [{ type: 'greet' as const, server, via }])]
    }
  }
  command satisfies never
}

function fitting({ flying }: ClusterState, { route, message }: Pattern): readonly Flying[] {
  return flying.filter(
    (datagram) =>
      (route === null || (datagram.from === route.from && datagram.to === route.to)) &&
      (message === null || datagram.message.type === message),
  )
}

function timerEvent(
  state: ClusterState,
  { actor, delay }: Extract<TranscriptCommand, { verb: 'timer' }>,
): ClusterEvent {
  const armed = timersOf(state).map(({ event }) => event)
  const found = armed.find((event) => {
    if (delayName(event.id) !== delay) return false
    if (event.type === 'timer') {
      return 'server' in actor && event.server === actor.server && event.role === actor.role
    }
    return 'client' in actor && event.client === actor.client
  })
  if (found === undefined) throw new Impossible('no such timer is armed')
  return found
}

/** The command of a request. `members admit` uses the present directory of the server. */
function bodyOf(state: ClusterState, words: string): Command {
  if (words.startsWith('{')) return { kind: 'service', body: jsonIn(words) }
  const [verb, first = '', second, ...more] = words.split(/\s+/)
  if (more.length > 0) throw new Impossible(`"${words}" has too many words`)
  switch (verb) {
    case 'lock':
      return { kind: 'service', body: lockCommand(first) }
    case 'unlock': {
      const token = second === undefined ? undefined : tokenIn(second)
      return { kind: 'service', body: unlockCommand(first, token) }
    }
    case 'cancel':
      return { kind: 'cancel', seq: Number(first) }
    case 'touch':
    case 'end':
      return { kind: verb }
    case 'members':
      return { kind: 'members', change: changeIn(state, first, Number(second)) }
    default:
      throw new Impossible(`"${words}" is not a command of a client`)
  }
}

/** Only commands of the service can be read. */
function readIn(state: ClusterState, words: string): Json {
  const command = bodyOf(state, words)
  if (command.kind !== 'service') throw new Impossible(`"${words}" is not a command of the service`)
  return command.body
}

function jsonIn(words: string): Json {
  try {
    return JSON.parse(words)
  } catch (error) {
    throw new Impossible(`"${words}" is not JSON: ${(error as Error).message}`)
  }
}

function tokenIn(word: string): LockToken {
  if (!/^[1-9]\d{0,14}$/.test(word)) throw new Impossible(`"${word}" is not a token`)
  return Number(word)
}

function changeIn(state: ClusterState, action: string, id: number): MembershipChange {
  const address = serverAddress(id)
  switch (action) {
    case 'add':
      return { action, id, address }
    case 'admit':
      return { action, id, address, incarnation: serverOf(state, id).incarnation }
    case 'remove':
      return { action, id }
    default:
      throw new Impossible(`"${action}" is not a change of members`)
  }
}

/** The command that founds a cluster. */
export function foundingText({
  count,
  service,
  ending,
  snapshotEvery,
}: Omit<Extract<TranscriptCommand, { verb: 'servers' }>, 'verb'>): string {
  const words = ['servers', count, service === 'lock' ? null : service]
  const ttl = ending === null ? [] : ['ttl', ending.ttlMs, ending.client]
  const snapshots = snapshotEvery === null ? [] : ['snapshots', snapshotEvery]
  return [...words, ...ttl, ...snapshots].filter((word) => word !== null).join(' ')
}

/** The command that causes `event` in `state`. `parseCommand` and `eventsOf` convert it back to the event. */
export function eventText(state: ClusterState, event: ClusterEvent): string {
  switch (event.type) {
    case 'request':
      return `request ${event.client}→${event.server} ${commandText(event.command)}${avoidText(event)}`
    case 'read':
      return `read ${event.client}→${event.server} ${commandText({ kind: 'service', body: event.body })}`
    case 'give.up':
      return `give-up ${event.client}#${event.seq}`
    case 'resend':
      return `resend ${event.client}#${event.seq}→${event.server}${avoidText(event)}`
    case 'deliver':
    case 'drop':
    case 'duplicate':
      return `${event.type} ${datagramText(state, event.flight)}`
    case 'sync':
    case 'restart':
      return `${event.type} ${event.server}`
    case 'crash':
    case 'sync.failed': {
      const verb = event.type === 'crash' ? 'crash' : 'fail-sync'
      return `${verb} ${event.server}${event.survived === 0 ? '' : ` keeping ${event.survived}`}`
    }
    case 'timer':
      return `timer ${event.server} ${event.role}.${delayName(event.id)}`
    case 'client.timer':
      return `timer ${event.client} ${delayName(event.id)}`
    case 'join':
      return `join ${event.server}`
    case 'greet':
      return `greet ${event.server} via ${event.via}`
    case 'cut':
      return `cut ${event.links.map(({ from, to }) => `${from}→${to}`).join(' ')}`
    case 'heal':
      return 'heal'
    case 'wait':
      return `wait ${event.ms}`
  }
  event satisfies never
}

function avoidText({ avoid }: { readonly avoid?: NodeId }): string {
  return avoid === undefined ? '' : `, not for server ${avoid}`
}

/** `0→1 accept`, with a number when an older datagram matches too. */
function datagramText(state: ClusterState, flight: number): string {
  const datagram = state.flying.find(({ id }) => id === flight)
  if (datagram === undefined) throw new Error(`no datagram ${flight} is in flight`)
  const { from, to, message } = datagram
  const like = fitting(state, { route: { from, to }, message: message.type })
  const place = like.indexOf(datagram)
  return `${from}→${to} ${message.type}${place === 0 ? '' : ` #${place + 1}`}`
}
