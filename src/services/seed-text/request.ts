/** The format of the seed's plain text, which a user can type into `nc -u`. */

import { isWellFormed } from '../../core/json.ts'
import { maxLockNameLength } from '../lock.ts'
import { type Literal, readLiteral } from './python-literal.ts'

export interface SeedRequest {
  readonly seq: number
  readonly action: 'LOCK' | 'UNLOCK'
  /** The name of the lock. */
  readonly name: string
  /** The tuple (seq, action, lock) in the form of Python. The answer contains it. */
  readonly tuple: string
}

/** The prefix of a datagram in plain text. */
export const seedPrefix = 'REQUEST'

/** The largest seq: the seq of the request in the cluster is twice as large. */
const maxSeq = 2 ** 51 - 1

/** Instance and ballot, which a client sets to -1. The tuple (seq, action, lock) follows in the form of Python. */
const head = /^REQUEST:-?\d{1,16}:-?\d{1,16}:\(/

const gap = /[ \t]*/y

/**
 * Parses the requests in `text`, one on each line, such as `REQUEST:-1:-1:(21,'LOCK','a')`. Ignores empty lines. Returns a
 * fault that names the line and the problem when one line is not a request: a datagram is accepted whole or not at all.
 */
export function parseSeedText(text: string): readonly SeedRequest[] | { readonly fault: string } {
  const requests: SeedRequest[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '') continue
    const request = parseLine(trimmed)
    if (typeof request === 'string') return { fault: `line ${index + 1}: ${request}` }
    requests.push(request)
  }
  return requests
}

function parseLine(line: string): SeedRequest | string {
  const start = head.exec(line)?.[0].length
  if (start === undefined) return unlike(line)
  const elements = readTuple(line, start)
  if (typeof elements === 'string') return elements
  const [seq, action, name] = elements
  if (seq === undefined || action === undefined || name === undefined || elements.length > 3)
    return unlike(line)
  return request(seq, action, name)
}

function request(seq: Literal, action: Literal, name: Literal): SeedRequest | string {
  const number = Number(seq.text)
  if (seq.kind !== 'integer' || !(number >= 0 && number <= maxSeq)) {
    return `the seq is a whole number from 0 to ${maxSeq}, not ${shortened(seq.repr)}`
  }
  const word = action.text.toUpperCase()
  if (action.kind !== 'string' || (word !== 'LOCK' && word !== 'UNLOCK')) {
    return `the action is 'LOCK' or 'UNLOCK', not ${shortened(action.repr)}`
  }
  const fault = nameFault(name)
  if (fault !== null) return fault
  const tuple = `(${seq.repr}, ${action.repr.replace(action.text, word)}, ${name.repr})`
  return { seq: number, action: word, name: name.text, tuple }
}

/** Returns the problem of a lock's name, or `null`. An integer is a name too: the lock 7 is the lock '7'. */
function nameFault({ text, repr }: Literal): string | null {
  if (text === '') return "the lock's name is empty"
  if (text.length > maxLockNameLength) {
    return `the lock's name has ${text.length} characters, above ${maxLockNameLength}`
  }
  return isWellFormed(text) ? null : `the lock's name ${shortened(repr)} holds half of a surrogate pair`
}

/**
 * Reads the literals from `start` to the closing parenthesis at the end of the line. Returns the problem as text on
 * failure.
 */
function readTuple(line: string, start: number): readonly Literal[] | string {
  const elements: Literal[] = []
  for (let at = pastGap(line, start); ; ) {
    const literal = readLiteral(line, at)
    if (typeof literal === 'string') return literal
    if (elements.push(literal) > 3) return unlike(line)
    at = pastGap(line, literal.end)
    const hasComma = line[at] === ','
    if (hasComma) at = pastGap(line, at + 1)
    if (line[at] === ')') return at === line.length - 1 ? elements : unlike(line)
    if (!hasComma) return unlike(line)
  }
}

function pastGap(line: string, at: number): number {
  gap.lastIndex = at
  gap.exec(line)
  return gap.lastIndex
}

function unlike(line: string): string {
  return `'${shortened(line)}' is not like REQUEST:-1:-1:(21,'LOCK','a')`
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** The seed's answer for an executed request: `RESPOND:-1:-1:(21, 'LOCK', 'a')`. */
export function formatRespond({ tuple }: SeedRequest): string {
  return `RESPOND:-1:-1:${tuple}`
}
