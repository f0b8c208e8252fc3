/** The seed's own protocol, in plain text: what one can type into `nc -u`. */

export interface SeedRequest {
  readonly seq: number
  readonly action: 'LOCK' | 'UNLOCK'
  /** The lock. */
  readonly name: string
}

/** A datagram in the seed's words begins with it. */
export const seedPrefix = 'REQUEST'

/** Characters of a lock's name. */
const maxLockLength = 1_024

/** Instance and ballot, which a client leaves at -1, and the tuple (seq, action, lock) as Python writes it. */
const requestLine =
  /^REQUEST:-?\d{1,16}:-?\d{1,16}:\(\s*(?<seq>\d{1,16})\s*,\s*(?<quote>['"])(?<action>[A-Za-z]+)\k<quote>\s*,\s*(?:'(?<single>[^'\p{Cc}]+)'|"(?<double>[^"\p{Cc}]+)")\s*\)$/u

/**
 * The requests in `text`, one a line, such as `REQUEST:-1:-1:(21,'LOCK','a')`; empty lines count for nothing. When a line
 * is none, says which and why instead: a datagram is taken whole or not at all.
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
  const groups = requestLine.exec(line)?.groups
  if (groups === undefined) return `'${line.slice(0, 80)}' is not like REQUEST:-1:-1:(21,'LOCK','a')`
  const seq = Number(groups.seq)
  if (seq > 2 ** 52) return `seq ${groups.seq} is above 2^52`
  const action = groups.action?.toUpperCase()
  if (action !== 'LOCK' && action !== 'UNLOCK') {
    return `the action is LOCK or UNLOCK, not '${groups.action?.slice(0, 80)}'`
  }
  const name = groups.single ?? groups.double ?? ''
  if (name.length > maxLockLength)
    return `the lock's name has ${name.length} characters, above ${maxLockLength}`
  return { seq, action, name }
}

/** The seed's answer when `request` has executed: `RESPOND:-1:-1:(21, 'LOCK', 'a')`. */
export function formatRespond({ seq, action, name }: SeedRequest): string {
  const quote = name.includes("'") ? '"' : "'"
  return `RESPOND:-1:-1:(${seq}, '${action}', ${quote}${name}${quote})`
}
