/** The grammar of the commands of a transcript, as the help of `paxos transcript` prints it. */
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { drawnNameLetters, type Party } from '../core/names.ts'
import { roleNames } from '../core/roles.ts'
import type { EndingSession } from '../schedule/cluster.ts'
import type { Actor } from '../schedule/events.ts'
import type { Handling, Pattern, PlainEvent, TranscriptCommand } from './command.ts'

export const grammar = `  servers N [kv] [ttl MS CLIENT] [snapshots COUNT]
                                    found a cluster; the service is the lock service, or kv; the session of
                                    this client, a letter, ends MS milliseconds after the last sign of life;
                                    a server takes a snapshot after COUNT requests
  request CLIENT→SERVER COMMAND     a client sends a request; its n-th request is CLIENT#n
                                    (the name of a client has at most 15 letters)
                                    SERVER is the server that it asks first: while it has open
                                    requests, it asks one server for all of them
                                    lock NAME | unlock NAME [TOKEN] | cancel SEQ | {JSON}
                                    touch | end
                                    members add|admit|remove SERVER
                                    with ", not for server N" at the end, the client has just left
                                    that server, and its requests are not handed over to it
  read CLIENT→SERVER {JSON}         a client sends a read, once: a command of the service that only reads
  give-up CLIENT#n                  the client's program no longer needs the answer
  resend CLIENT#n→SERVER            the client sends another copy of the request, and
                                    may have left a server, as with request
  deliver FROM→TO MESSAGE [#n]      the oldest such datagram in flight, or the n-th oldest
  deliver all [FROM→TO] [MESSAGE]   every such datagram in flight, the oldest first
  drop …, duplicate …               as deliver
  sync SERVER                       the current sync ends
  fail-sync SERVER [keeping N|all]  the current sync fails, and the server halts
  timer SERVER ROLE.DELAY           a timer fires: timer 0 proposer.retransmitInterval
  timer CLIENT DELAY
  crash SERVER [keeping N|all]      the server crashes and loses its unsynced writes, or keeps the first N
  restart SERVER                    the server starts again from its disk
  join SERVER [via SERVER]          a new server starts, and asks another how far it is
  greet SERVER via SERVER           a server asks another again how far it is
  cut SERVER from SERVER…           messages between them are lost; cut 0→1 for one direction
  heal                              ends every cut
  wait MS                           time passes, and no timer fires
  settle [with timers] [quietly]    sync and deliver until no datagram is in flight, or the cluster is idle
  expect SERVER ROLE STATE          fail unless the role is in that state
  expect CLIENT STATE
  show                              print the whole cluster`

/** A line that is not a command. */
export class NoCommand extends Error {
  override readonly name = 'NoCommand'
}

/** Parses a command. `->` stands for `→`. Throws a `NoCommand` that names the fault. */
export function parseCommand(line: string): TranscriptCommand {
  const [verb = '', ...rest] = wordsOf(line)
  switch (verb) {
    case 'servers':
      return founding(rest, line)
    case 'request':
      return request(rest, line)
    case 'read':
      return read(rest, line)
    case 'give-up':
      return event({ type: 'give.up', ...requestIn(rest[0], line) })
    case 'resend': {
      const { text, avoid } = withoutAvoid(line)
      const [route, ...more] = wordsOf(text).slice(1)
      const [name, server] = (route ?? '').split('→')
      if (more.length > 0) throw misunderstood(line)
      return event({ type: 'resend', ...requestIn(name, line), server: countIn(server, line), ...avoid })
    }
    case 'deliver':
    case 'drop':
    case 'duplicate':
      return datagrams(verb, rest, line)
    case 'sync':
      return event({ type: 'sync', server: countIn(rest[0], line) })
    case 'restart':
      return event({ type: 'restart', server: countIn(rest[0], line) })
    case 'timer':
      return timer(rest, line)
    case 'crash':
    case 'fail-sync':
      return { verb, server: countIn(rest[0], line), keeping: keeping(rest.slice(1), line) }
    case 'join':
      return rest.length === 1
        ? { verb, server: countIn(rest[0], line), via: null }
        : { verb, ...viaIn(rest, line) }
    case 'greet':
      return event({ type: 'greet', ...viaIn(rest, line) })
    case 'cut':
      return event({ type: 'cut', links: linksIn(rest, line) })
    case 'heal':
      return event({ type: 'heal' })
    case 'wait':
      return event({ type: 'wait', ms: countIn(rest[0], line) })
    case 'settle':
      return settle(rest, line)
    case 'expect':
      return expectation(rest, line)
    case 'show':
      return { verb }
    default:
      throw new NoCommand(`"${line.trim()}" is not a command of a transcript`)
  }
}

function founding([count, ...words]: readonly string[], line: string): TranscriptCommand {
  const last = words.indexOf('snapshots')
  const [every, ...others] = last === -1 ? [] : words.slice(last + 1)
  if (others.length > 0) throw misunderstood(line)
  const first = last === -1 ? words : words.slice(0, last)
  const place = first.indexOf('ttl')
  const [service = 'lock', ...more] = place === -1 ? first : first.slice(0, place)
  if (more.length > 0) throw misunderstood(line)
  return {
    verb: 'servers',
    count: countIn(count, line),
    service: oneOf(['lock', 'kv'], service, line),
    ending: place === -1 ? null : endingIn(first.slice(place + 1), line),
    snapshotEvery: last === -1 ? null : countIn(every, line),
  }
}

/** Only the sessions of letters are open from the start. */
function endingIn([ttlMs, client = '', ...more]: readonly string[], line: string): EndingSession {
  if (more.length > 0 || !/^[a-z]$/.test(client)) throw misunderstood(line)
  return { ttlMs: countIn(ttlMs, line), client }
}

function wordsOf(line: string): string[] {
  return line.trim().replaceAll('->', '→').split(/\s+/)
}

function event(plain: PlainEvent): TranscriptCommand {
  return { verb: 'event', event: plain }
}

/** Keeps the words of the command unchanged, because they may be JSON. */
function request([route]: readonly string[], line: string): TranscriptCommand {
  const { from, to } = routeIn(route, line)
  const { text, avoid } = withoutAvoid(line)
  const words = text.replace(/^\S+\s+\S+\s*/, '')
  if (typeof from !== 'string' || typeof to !== 'number' || words === '') throw misunderstood(line)
  return { verb: 'request', client: from, server: to, words, ...avoid }
}

function read([route]: readonly string[], line: string): TranscriptCommand {
  const { from, to } = routeIn(route, line)
  const words = line.trim().replace(/^\S+\s+\S+\s*/, '')
  if (typeof from !== 'string' || typeof to !== 'number' || words === '') throw misunderstood(line)
  return { verb: 'read', client: from, server: to, words }
}

/** The line without its end `, not for server N`, and the number. */
function withoutAvoid(line: string): { readonly text: string; readonly avoid: { readonly avoid?: NodeId } } {
  const trimmed = line.trim()
  const [end, server] = /,\s+not\s+for\s+server\s+(\S+)$/.exec(trimmed) ?? []
  if (end === undefined) return { text: trimmed, avoid: {} }
  return { text: trimmed.slice(0, -end.length), avoid: { avoid: countIn(server, line) } }
}

function datagrams(handling: Handling, words: readonly string[], line: string): TranscriptCommand {
  if (words[0] === 'all') return { verb: 'all', handling, pattern: patternIn(words.slice(1), line) }
  const last = words.at(-1) ?? ''
  const isNumbered = last.startsWith('#')
  const nth = isNumbered ? countIn(last.slice(1), line) : 1
  const pattern = patternIn(isNumbered ? words.slice(0, -1) : words, line)
  if (pattern.route === null || pattern.message === null || nth === 0) throw misunderstood(line)
  return { verb: 'one', handling, pattern, nth }
}

function patternIn(words: readonly string[], line: string): Pattern {
  const hasRoute = words[0]?.includes('→') ?? false
  const [message = null, ...more] = hasRoute ? words.slice(1) : words
  if (more.length > 0) throw misunderstood(line)
  return { route: hasRoute ? routeIn(words[0], line) : null, message }
}

function timer(words: readonly string[], line: string): TranscriptCommand {
  const [owner = '', name = ''] = words
  refuseRequest(owner, line)
  if (words.length === 2 && isName(owner)) return { verb: 'timer', actor: { client: owner }, delay: name }
  const [role, delay = ''] = name.split('.')
  return { verb: 'timer', actor: { server: countIn(owner, line), role: roleIn(role, line) }, delay }
}

function settle(words: readonly string[], line: string): TranscriptCommand {
  const quietly = words.at(-1) === 'quietly'
  const how = oneOf(['', 'with timers'], (quietly ? words.slice(0, -1) : words).join(' '), line)
  return { verb: 'settle', withTimers: how !== '', quietly }
}

function expectation(words: readonly string[], line: string): TranscriptCommand {
  const state = words.at(-1) ?? ''
  refuseRequest(words[0], line)
  const actor: Actor = isName(words[0])
    ? { client: words[0] }
    : { server: countIn(words[0], line), role: roleIn(words[1], line) }
  if (words.length !== ('server' in actor ? 3 : 2)) throw misunderstood(line)
  return { verb: 'expect', actor, state }
}

/** In transcripts of an earlier version each request had a machine of its own. */
function refuseRequest(owner: string | undefined, line: string): void {
  const [name, seq] = (owner ?? '').split('#')
  if (seq === undefined || !isName(name)) return
  throw new NoCommand(
    `"${line.trim()}" is of an earlier version: one machine carries all requests of a client, so name ${name} in place of ${owner}`,
  )
}

function keeping(words: readonly string[], line: string): number | 'all' {
  if (words.length === 0) return 0
  if (words[0] !== 'keeping' || words.length !== 2) throw misunderstood(line)
  return words[1] === 'all' ? 'all' : countIn(words[1], line)
}

function viaIn(words: readonly string[], line: string): { readonly server: NodeId; readonly via: NodeId } {
  if (words[1] !== 'via' || words.length !== 3) throw misunderstood(line)
  return { server: countIn(words[0], line), via: countIn(words[2], line) }
}

/** `0 from 1 2` cuts both directions, `0→1` one direction. */
function linksIn(words: readonly string[], line: string): { readonly from: NodeId; readonly to: NodeId }[] {
  if (words[1] !== 'from') {
    return words.map((word) => {
      const [from, to] = word.split('→')
      return { from: countIn(from, line), to: countIn(to, line) }
    })
  }
  const server = countIn(words[0], line)
  return words.slice(2).flatMap((word) => {
    const other = countIn(word, line)
    return [
      { from: server, to: other },
      { from: other, to: server },
    ]
  })
}

function routeIn(word: string | undefined, line: string): { readonly from: Party; readonly to: Party } {
  const [from, to, ...more] = (word ?? '').split('→')
  if (more.length > 0) throw misunderstood(line)
  return { from: partyIn(from, line), to: partyIn(to, line) }
}

function partyIn(word: string | undefined, line: string): Party {
  return isName(word) ? word : countIn(word, line)
}

/** True for the name of a client. */
function isName(word: string | undefined): word is string {
  return word !== undefined && /^[a-z]\w*$/i.test(word) && word.length < drawnNameLetters
}

function requestIn(
  word: string | undefined,
  line: string,
): { readonly client: string; readonly seq: number } {
  const [client, seq] = (word ?? '').split('#')
  if (typeof partyIn(client, line) === 'number') throw misunderstood(line)
  return { client: String(client), seq: countIn(seq, line) }
}

function roleIn(word: string | undefined, line: string): RoleName {
  return oneOf(roleNames, word ?? '', line)
}

function oneOf<T extends string>(words: readonly T[], word: string, line: string): T {
  const found = words.find((other) => other === word)
  if (found === undefined) {
    throw new NoCommand(`"${word}" in "${line.trim()}": it must be one of ${words.join(', ')}`)
  }
  return found
}

function countIn(word: string | undefined, line: string): number {
  if (!/^\d{1,9}$/.test(word ?? '')) throw misunderstood(line)
  return Number(word)
}

function misunderstood(line: string): NoCommand {
  return new NoCommand(`"${line.trim()}" is not valid: see paxos transcript --help`)
}
