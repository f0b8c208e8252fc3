/** The context of a role as lines of text: ballots, batches and requests in the words of transcripts. */
import type { Ballot } from '../../machines/ballot.ts'
import type { Json, NamedRequest } from '../../machines/batch.ts'
import { requestName } from '../../src/core/names.ts'
import { ballotText, requestText } from '../../src/messages/part-texts.ts'

export interface ContextLine {
  /** Its path: `held.count`. */
  readonly path: string
  readonly name: string
  /** Empty when the lines below hold the value. */
  readonly text: string
  /** 0 for a field of the context itself. */
  readonly depth: number
}

/** A longer value is split into a line for each of its parts. */
const longText = 72
const keptCharacters = 200
const deepest = 3
/** How many parts of a list or an object get a line. */
const keptParts = 12

type Fields = { readonly [key: string]: Json }

/** The lines of a context, in the order of its fields. */
export function contextLines(context: Json): readonly ContextLine[] {
  return isFields(context)
    ? Object.entries(context).flatMap(([name, value]) => linesOf(name, name, value, 0))
    : []
}

function linesOf(path: string, name: string, value: Json, depth: number): readonly ContextLine[] {
  const text = compactText(value)
  const parts = partsOf(value)
  if (text.length <= longText || parts.length === 0 || depth >= deepest || isListed(path)) {
    const cut = text.length <= keptCharacters ? text : `${text.slice(0, keptCharacters)}…`
    return [{ path, name, text: cut, depth }]
  }
  const more = parts.length - keptParts
  return [
    { path, name, text: Array.isArray(value) ? String(value.length) : '', depth },
    ...parts.slice(0, keptParts).flatMap(([key, part]) => linesOf(`${path}.${key}`, key, part, depth + 1)),
    ...(more > 0 ? [{ path: `${path}.…`, name: '…', text: `${more} more`, depth: depth + 1 }] : []),
  ]
}

/** A list whose items always get a line each. */
function isListed(path: string): boolean {
  return /\.\d+$/.test(path)
}

function partsOf(value: Json): readonly (readonly [string, Json])[] {
  if (Array.isArray(value)) return value.map((item: Json, index) => [String(index), item] as const)
  return isFields(value) && !isBallot(value) && !isRequest(value) ? Object.entries(value) : []
}

/** A value in one line: `1.0` for a ballot, `none` for nothing. */
export function compactText(value: Json): string {
  if (value === null) return 'none'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(compactText).join(', ')
  if (!isFields(value)) return String(value)
  if (isBallot(value)) return ballotText(value as unknown as Ballot)
  if (isRequest(value)) {
    // At a great depth the command was truncated.
    const isWhole = (value.command as Fields).body !== '…'
    const request = value as unknown as NamedRequest
    return isWhole ? requestText(request) : requestName(request)
  }
  if (Array.isArray(value.groups) && typeof value.node === 'number') {
    return `[${value.groups.map(groupText).join(', ')}]`
  }
  if (isRequestWithMore(value)) {
    const { uid = null, seq = null, command = null, ...more } = value
    return [compactText({ uid, seq, command }), ...fieldTexts(more)].join(' · ')
  }
  const fields = fieldTexts(value)
  return fields.length === 0 ? 'none' : fields.join(' · ')
}

/** The requests of a group of a batch, which share a uid. */
function groupText(group: Json): string {
  if (!isFields(group) || !Array.isArray(group.requests)) return compactText(group)
  const { uid = null } = group
  return group.requests
    .map((request) => compactText(isFields(request) ? { uid, ...request } : request))
    .join(', ')
}

function fieldTexts(value: Fields): string[] {
  return Object.entries(value).map(([key, part]) => `${key} ${compactText(part)}`)
}

function isFields(value: Json): value is Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isBallot(value: Fields): boolean {
  return typeof value.round === 'number' && typeof value.node === 'number' && Object.keys(value).length === 2
}

/** A request in a queue, with its reply address and its tag. */
function isRequestWithMore({ uid, seq, command }: Fields): boolean {
  return isRequest({ uid: uid ?? null, seq: seq ?? null, command: command ?? null })
}

/** `false` for a truncated request. */
function isRequest({ uid, seq, command, ...more }: Fields): boolean {
  if (typeof uid !== 'string' || typeof seq !== 'number' || !isFields(command ?? null)) return false
  if ('replyTo' in more || 'tag' in more) return false
  const { kind, body, change, seq: cancelled } = command as Fields
  if (kind === 'service') return body !== undefined
  if (kind === 'members') return change !== undefined && isFields(change)
  return kind === 'cancel' && typeof cancelled === 'number'
}
