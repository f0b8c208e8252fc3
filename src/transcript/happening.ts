/** The happenings of a transcript as text, one for each line. */
import type { Execution } from '../../machines/outcome.ts'
import type { DurableState } from '../core/durable.ts'
import { requestName, sessionName } from '../core/names.ts'
import { messageText } from '../messages/dictionary.ts'
import {
  acceptedText,
  ballotText,
  batchText,
  membersText,
  outcomeText,
  snapshotText,
} from '../messages/part-texts.ts'
import type { Actor, Happening } from '../schedule/events.ts'

/**
 * The lines for the happenings of one event. A message to several receivers is one line, and so are the moves of the roles of one
 * server.
 */
export function happeningLines(happenings: readonly Happening[]): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < happenings.length; ) {
    const rest = happenings.slice(at)
    const first = rest[0]
    if (first === undefined) break
    const end = rest.findIndex((other, place) => place > 0 && !isAlike(first, other, rest.slice(0, place)))
    const group = end === -1 ? rest : rest.slice(0, end)
    lines.push(groupText(first, group))
    at += group.length
  }
  return lines
}

/** True when `other` may share the line of `first` and `between`: the same message to another party, or a role of the same server. */
function isAlike(first: Happening, other: Happening, between: readonly Happening[]): boolean {
  if (first.type === 'moved' && other.type === 'moved') {
    return 'server' in first.actor && 'server' in other.actor && first.actor.server === other.actor.server
  }
  if (first.type !== 'said' || other.type !== 'said') return false
  return (
    first.from === other.from &&
    (first.fate === 'lost') === (other.fate === 'lost') &&
    JSON.stringify(first.message) === JSON.stringify(other.message) &&
    between.every((said) => said.type !== 'said' || said.to !== other.to)
  )
}

function groupText(first: Happening, group: readonly Happening[]): string {
  switch (first.type) {
    case 'said': {
      const to = group.flatMap((other) => (other.type === 'said' ? [other.to] : []))
      return `${first.from}→${to.join(',')} ${messageText(first.message)}${first.fate === 'lost' ? ' (lost)' : ''}`
    }
    case 'moved':
      return movesText(group.filter((other) => other.type === 'moved'))
    case 'lost': {
      const { from, to, message } = first.flight
      return `${from}→${to} ${message.type} is lost: server ${to} is down`
    }
    case 'executed': {
      const { server, batch, execution } = first
      const effects = executionText(execution)
      return `${server} executes instance ${execution.instance} ${batchText(batch)}${effects === '' ? '' : `: ${effects}`}`
    }
    case 'stored':
      return `${first.server} stores a ${snapshotText(first.snapshot)}`
    case 'installed':
      return `${first.server} installs the ${snapshotText(first.snapshot)}`
    case 'synced':
      return `${first.server} has on disk: ${newlyDurable(first.before, first.durable)}`
    case 'started':
      return `${first.server} starts with ${durableText(first.durable)}`
    case 'crashed': {
      const { server, lost } = first
      return `${server} is gone${lost === 0 ? '' : `, and ${lost} of its writes with it`}`
    }
    case 'noted': {
      const { party, actors } = first
      return actors.length === 0 ? `${party} ignores it` : `${actors.map(actorText).join(', ')}: takes note`
    }
  }
  first satisfies never
}

/** `the session of a ends; b#1 executed at 3.0, token 2; members 0 1 2; the next deadline is at 9000 ms`. */
function executionText({ endedSessions, outcomes, members, deadlineMs }: Execution): string {
  return [
    ...endedSessions.map((uid) => `the session of ${sessionName(uid)} ends`),
    ...outcomes.map((each) => `${requestName(each)} ${outcomeText(each.outcome)}`),
    ...(members === null ? [] : [`members ${membersText(members)}`]),
    ...(deadlineMs === null ? [] : [`the next deadline is at ${deadlineMs} ms`]),
  ].join('; ')
}

/** `0: acceptor → persisting, proposer → leading → accepting.proposing`, or `a: asking → idle`. */
function movesText(moves: readonly Extract<Happening, { type: 'moved' }>[]): string {
  const parts = moves.map(({ actor, path }) =>
    'server' in actor ? [actor.role, ...path.slice(1)].join(' → ') : path.join(' → '),
  )
  const actor = moves[0]?.actor
  const owner = actor === undefined ? '' : 'server' in actor ? String(actor.server) : actorText(actor)
  return `${owner}: ${parts.join(', ')}`
}

/** `0 proposer`, or `a`. */
export function actorText(actor: Actor): string {
  return 'server' in actor ? `${actor.server} ${actor.role}` : actor.client
}

/** The durable state of a disk. */
export function durableText({ promised, accepted, firstUnchosen }: DurableState): string {
  if (promised === null && accepted.length === 0 && firstUnchosen === 0) return 'an empty disk'
  return `promised ${ballotText(promised)}, ${acceptedText(accepted)}, all chosen below ${firstUnchosen}`
}

/** The parts of the durable state that are new. */
function newlyDurable(before: DurableState, after: DurableState): string {
  const isNew = (ballot: DurableState['promised'], old: DurableState['promised']) =>
    ballotText(ballot) !== ballotText(old)
  const news: string[] = []
  if (isNew(after.promised, before.promised)) news.push(`promised ${ballotText(after.promised)}`)
  if (after.firstUnchosen !== before.firstUnchosen) news.push(`all chosen below ${after.firstUnchosen}`)
  const accepted = after.accepted.filter(({ instance, ballot }) => {
    const old = before.accepted.find((record) => record.instance === instance)
    return old === undefined || isNew(ballot, old.ballot)
  })
  if (accepted.length > 0) news.push(acceptedText(accepted))
  return news.length === 0 ? 'what it had' : news.join(', ')
}
