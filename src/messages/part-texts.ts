/** The text of the parts of messages in transcripts and on the page: ballots as `1.0` (round.node), requests as `a#1` (client#seq). */
import type { Ballot } from '../../machines/ballot.ts'
import {
  type AcceptedRecord,
  type Batch,
  type Command,
  type Json,
  type MembershipChange,
  type NamedRequest,
  namedRequests,
  type RequestGroup,
} from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { ReadRequest } from '../../machines/messages.ts'
import type { Outcome, ReadOutcome, RequestOutcome } from '../../machines/outcome.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { requestName } from '../core/names.ts'

/** `1.0`, or `nothing` for no ballot. */
export function ballotText(ballot: Ballot | null): string {
  return ballot === null ? 'nothing' : `${ballot.round}.${ballot.node}`
}

/** A command as a transcript requests it. */
export function commandText(command: Command): string {
  switch (command.kind) {
    case 'service':
      return bodyText(command.body)
    case 'members':
      return `members ${changeText(command.change)}`
    case 'quota':
      return `quota ${command.bytes}`
    case 'upgrade':
      return `upgrade ${command.version}`
    case 'cancel':
      return `cancel ${command.seq}`
    case 'open':
      return `open ${command.ttlMs}`
    case 'touch':
      return 'touch'
    case 'end':
      return ['end', command.session, command.now && 'now'].filter(Boolean).join(' ')
    case 'sessions':
      return 'sessions'
  }
  command satisfies never
}

function changeText(change: MembershipChange): string {
  switch (change.action) {
    case 'add':
    case 'admit':
    case 'remove':
      return `${change.action} ${change.id}`
    case 'move':
      return `move ${change.servers.map(({ id, address }) => `${id}=${address}`).join(' ')}`
  }
  change satisfies never
}

/** `lock x`, `unlock x 3.0`; JSON for a command of another service. */
function bodyText(body: Json): string {
  if (isFields(body) && typeof body.name === 'string' && isWord(body.name)) {
    const { action, name, token, ...more } = body
    if (Object.keys(more).length === 0) {
      if (action === 'lock' && token === undefined) return `lock ${name}`
      if (action === 'unlock') {
        if (token === undefined) return `unlock ${name}`
        if (typeof token === 'number') return `unlock ${name} ${token}`
      }
    }
  }
  return JSON.stringify(body)
}

/** `a#1 query x`. */
export function readText(uid: string, { seq, body }: ReadRequest): string {
  return requestText({ uid, seq, command: { kind: 'service', body } })
}

/** `a#1 lock x`. */
export function requestText(request: Pick<NamedRequest, 'uid' | 'seq' | 'command'>): string {
  return `${requestName(request)} ${commandText(request.command)}`
}

/** `a#1 lock x, a#2 lock y`. */
export function groupText(group: RequestGroup): string {
  return namedRequests(group).map(requestText).join(', ')
}

/** `a#1, a#2`. */
export function seqsText({ uid, seqs }: { readonly uid: string; readonly seqs: readonly number[] }): string {
  return seqs.map((seq) => requestName({ uid, seq })).join(', ')
}

/** Short: `a#1`, or `a#1 and 2 more`. */
export function seqsName({ uid, seqs }: { readonly uid: string; readonly seqs: readonly number[] }): string {
  const first = requestName({ uid, seq: seqs[0] ?? 0 })
  return seqs.length > 1 ? `${first} and ${seqs.length - 1} more` : first
}

/** `[a#1 lock x, b#1 lock x]`, with the server that holds a request, if it is another than the proposer. */
export function batchText({ node, groups }: Batch): string {
  const texts = groups.map(
    (group) => `${groupText(group)}${group.heldBy === node ? '' : ` (held by ${group.heldBy})`}`,
  )
  return `[${texts.join(', ')}]`
}

function recordText({ instance, ballot, batch }: AcceptedRecord): string {
  return `${batchText(batch)} at ${ballotText(ballot)} in instance ${instance}`
}

/** `nothing accepted`, or the accepted batches with their ballots and instances. */
export function acceptedText(accepted: readonly AcceptedRecord[]): string {
  return accepted.length === 0 ? 'nothing accepted' : `accepted ${accepted.map(recordText).join(', ')}`
}

/** The outcome of a request or of a read, or that it waits. */
export function outcomeText(outcome: Outcome | ReadOutcome | RequestOutcome['outcome']): string {
  switch (outcome.kind) {
    case 'executed':
      return `executed at ${outcome.instance}.${outcome.index}, ${resultText(outcome.result)}`
    case 'failed':
      return `failed at ${outcome.instance}.${outcome.index}, ${outcome.error}`
    case 'overQuota':
      return `refused at ${outcome.instance}.${outcome.index}, ${outcome.growthBytes} bytes beyond the quota of ${outcome.quotaBytes}`
    case 'cancelled':
      return `cancelled at ${outcome.instance}.${outcome.index}`
    case 'read':
      return `read below ${outcome.instance}, ${resultText(outcome.result)}`
    case 'unreadable':
      return `not read, ${outcome.error}`
    case 'refused':
      return `refused, ${outcome.reason}`
    case 'full':
      return `not executed, no room for more ${outcome.of}`
    case 'delayed':
      return outcome.key === null ? 'delayed' : `delayed, waits for ${outcome.key}`
  }
  outcome satisfies never
}

/** The ids of the members, such as `0 1 2 (3)`. Members that are not counted yet are in parentheses. */
export function membersText(members: readonly Pick<Member, 'id' | 'incarnation'>[]): string {
  return members.map(({ id, incarnation }) => (incarnation === null ? `(${id})` : id)).join(' ')
}

/** A result in short form: `token 7`, `freed true`. */
function resultText(result: Json): string {
  if (typeof result === 'string' && isWord(result)) return result
  if (!isFields(result)) return JSON.stringify(result)
  return Object.entries(result)
    .map(([key, value]) => `${key} ${key === 'members' ? memberListText(value) : resultText(value)}`)
    .join(', ')
}

function memberListText(value: Json): string {
  if (!Array.isArray(value) || !value.every(isFields)) return JSON.stringify(value)
  return membersText(value as unknown as readonly Member[])
}

interface Fields {
  readonly [key: string]: Json
}

function isFields(value: Json | undefined): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** True for a word that a transcript writes without quotes. */
export function isWord(text: string): boolean {
  return /^[A-Za-z][\w.-]*$/.test(text)
}

/** The instance of a snapshot, and the beginning of its digest. */
export function snapshotText({ instance, digest }: SnapshotName): string {
  return `snapshot of everything below ${instance} (${digest.slice(0, 8)})`
}
