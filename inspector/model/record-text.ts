/** Records in words: for the list of events, for screen readers, and for each step that the page names. */
import type { Instance } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import type { Execution } from '../../machines/outcome.ts'
import { delayName } from '../../src/core/chart-names.ts'
import type { Fact } from '../../src/core/facts.ts'
import { type Invariant, invariants } from '../../src/core/invariants.ts'
import { requestName, sessionText, shownName } from '../../src/core/names.ts'
import type { FaultRule } from '../../src/inspect/records/control.ts'
import type { Milestone, MilestoneKind } from '../../src/inspect/records/milestones.ts'
import type {
  Cause,
  ClientRecord,
  CutLink,
  InspectorRecord,
  PartyName,
  RoleMove,
  ServerRecord,
} from '../../src/inspect/records/record.ts'
import { ruleText } from '../../src/inspect/records/rules.ts'
import { messageText } from '../../src/messages/dictionary.ts'
import { ballotText, outcomeText } from '../../src/messages/part-texts.ts'

/** The longest sentence, and the longest message in it, in characters. The details hold the complete text. */
const keptCharacters = 400
const messageCharacters = 140

/** The length of `127.0.0.1:65535`. */
const addressCharacters = 15

/** How many outcomes, timers and sessions are listed one by one. */
const listedOutcomes = 3

/** `request queue`. */
export function roleText(role: RoleName): string {
  return role === 'requestQueue' ? 'request queue' : role
}

/** `server 1`, or `client a`. A name that begins with `client` gets no second one. */
export function partyText(party: PartyName): string {
  if (typeof party === 'number') return `server ${party}`
  return /^client\b/.test(party) ? party : `client ${shownName(party)}`
}

/** Seconds since the first record: `12.345`. */
export function timeText(timeMs: number | null, originMs: number): string {
  return timeMs === null ? '' : ((timeMs - originMs) / 1_000).toFixed(3)
}

const milestoneWords: Readonly<
  Record<Exclude<MilestoneKind, 'members' | 'sessionEnded' | 'broken'>, string>
> = {
  up: 'is up',
  gone: 'is gone',
  paused: 'is paused',
  resumed: 'continues',
}

/** `server 1 is gone (its connection ended)`, `members 0 1 2 3: 3 added (from instance 12 on)`, `session 12.0 of a ended (in instance 30)`. */
export function milestoneText({ what, node, text, instance }: Milestone): string {
  if (what === 'members') return `members ${text ?? ''}${reasonText(`from instance ${instance ?? 0} on`)}`
  if (what === 'sessionEnded')
    return `session ${text ?? ''} ended${reasonText(`in instance ${instance ?? 0}`)}`
  if (what === 'broken') return `broken: ${text ?? ''}`
  return `server ${node ?? ''} ${milestoneWords[what]}${reasonText(text)}`
}

/** The time of day, `12:03:05`; empty when the time is virtual and counts from 0. */
export function wallText(timeMs: number | null): string {
  if (timeMs === null || timeMs < earliestWallMs) return ''
  const date = new Date(timeMs)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** In the year 2001. Schedules and simulated runs count from 0. */
const earliestWallMs = 1e12

/** `0.4 s`, `12 s`, `3 min`, `2 h`. */
export function ageText(ageMs: number): string {
  if (ageMs < 10_000) return `${(ageMs / 1_000).toFixed(1)} s`
  if (ageMs < 120_000) return `${Math.round(ageMs / 1_000)} s`
  return ageMs < 7_200_000 ? `${Math.round(ageMs / 60_000)} min` : `${Math.round(ageMs / 3_600_000)} h`
}

/** `instances 4 to 120: no record`. */
export function gapText(from: Instance, to: Instance): string {
  return from === to ? `instance ${from}: no record` : `instances ${from} to ${to}: no record`
}

/** True for a text no longer than an address: it fits into one line of a narrow column. */
export function isShort(text: string): boolean {
  return text.length <= addressCharacters
}

/** `1 agreement`. */
export function invariantText(invariant: Invariant): string {
  return `${invariant} ${invariants[invariant].name}`
}

/** The violation, without the name of the invariant that the engine puts first. */
export function breachText(text: string): string {
  return text.replace(/^invariant \d+ \([^)]*\): /, '')
}

/** The event of a server: `receives from 2: accepted 1.0 instance 4`. */
export function causeText(cause: Cause): string {
  switch (cause.type) {
    case 'start':
      return 'starts'
    case 'hear':
      return `receives from ${cause.sender}: ${shortText(cause.message)}`
    case 'request':
      return `receives from ${cause.replyTo}: ${shortText(cause.message)}`
    case 'timer':
      return `reaches the end of its ${roleText(cause.role)}'s ${delayName(cause.id)}`
    case 'synced':
      return 'completes a sync'
    case 'tell':
      return `sends its ${roleText(cause.role)} ${cause.event}`
  }
  cause satisfies never
}

/** `accepting → leading`; `stays leading` when a transition led back to its state; `null` when none was taken. */
export function moveText({ edges, state }: Omit<RoleMove, 'role'>): string | null {
  const [first] = edges
  if (first === undefined) return null
  const before = stateBefore(first)
  return state === before || state.startsWith(`${before}.`) || before === ''
    ? `stays ${state}`
    : `${before} → ${state}`
}

/** A record as one sentence, which begins with its subject. Never throws. */
export function recordText(record: InspectorRecord): string {
  const known = texts.get(record)
  if (known !== undefined) return known
  let text: string
  try {
    text = cut(sentence(record), keptCharacters)
  } catch {
    text = 'a malformed record'
  }
  texts.set(record, text)
  return text
}

const texts = new WeakMap<InspectorRecord, string>()

/** For the scrubber: `record 120 of 400, server 1, clock 33`. */
export function placeText(cursor: number, end: number, record: InspectorRecord | undefined): string {
  const place = `record ${cursor} of ${end}`
  if (record === undefined) return place
  switch (record.kind) {
    case 'server':
      return `${place}, server ${record.node}, clock ${record.record.clock}`
    case 'gap':
      return `${place}, server ${record.node}, ${leftOutText(record.count)}`
    case 'process':
      return `${place}, server ${record.node}`
    case 'client':
      return `${place}, ${partyText(record.client)}`
    case 'cluster':
    case 'links':
    case 'verdict':
    case 'repeats':
    case 'milestones':
      return `${place}, ${record.kind}`
  }
  record satisfies never
}

/** `340 steps left out`. */
export function leftOutText(count: number): string {
  return `${count} ${count === 1 ? 'step' : 'steps'} left out`
}

/**
 * The results of a step besides transitions: what the server sent, synced and executed. Empty for other records. Never throws.
 */
export function resultTexts(record: InspectorRecord): readonly string[] {
  try {
    if (record.kind === 'server' && record.record.kind === 'step') return factTexts(record.record.facts)
    if (record.kind === 'client') return clientSentTexts(record.said)
  } catch {
    // The readable part was added.
  }
  return []
}

/** `links cut: 0→1 1→0`. */
function linksText(cut: readonly CutLink[]): string {
  return cut.length === 0
    ? 'no link is cut'
    : `links cut: ${cut.map(({ from, to }) => `${from}→${to}`).join(' ')}`
}

function rulesText(rules: readonly FaultRule[]): string {
  return rules.length === 0
    ? 'no rules for messages'
    : `rules for messages: ${rules.map(ruleText).join('; ')}`
}

function sentence(record: InspectorRecord): string {
  switch (record.kind) {
    case 'cluster': {
      const { cluster, service, founders, rules } = record
      if (rules !== undefined) return rulesText(rules)
      return `cluster ${cluster}: service ${service}, founded by ${founders.map(({ id }) => id).join(' ')}`
    }
    case 'server':
      return `server ${record.node} ${serverText(record.record)}`
    case 'gap':
      return `server ${record.node}: ${leftOutText(record.count)}`
    case 'process':
      return `server ${record.node} is ${record.state}${reasonText(record.reason)}`
    case 'client': {
      const { client, heard, event, moves, said } = record
      const cause =
        heard === null ? clientCauseText(event) : `receives from ${heard.from}: ${shortText(heard.message)}`
      const moved = moves.flatMap((move) => moveText(move) ?? [])
      return [`${partyText(client)}: ${cause}`, ...moved, ...clientSentTexts(said)].join('; ')
    }
    case 'links':
      return linksText(record.cut)
    case 'repeats': {
      const { count, sinceMs, timeMs } = record
      return `${count} repeated steps, left out in ${ageText(timeMs - sinceMs)}`
    }
    case 'milestones':
      return `${record.milestones.length} milestones of earlier records`
    case 'verdict': {
      const broken = record.invariants.filter(({ standing }) => standing === 'broken')
      const texts = broken.map(
        ({ invariant, text }) => `invariant ${invariantText(invariant)}, ${breachText(text)}`,
      )
      if (record.failure !== undefined) texts.push(record.failure)
      if (texts.length > 0) return `broken: ${texts.join('; ')}`
      const unjudged = record.invariants.filter(({ standing }) => standing === 'unjudged')
      const rest = unjudged.length === 0 ? '' : `; unjudged: ${listed(unjudged)}`
      return `invariants hold: ${listed(record.invariants.filter(({ standing }) => standing === 'holds'))}${rest}`
    }
  }
  record satisfies never
  return ''
}

function clientSentTexts(said: ClientRecord['said']): string[] {
  return said.map(({ to, message }) => `sends to ${to}: ${shortText(message)}`)
}

/** XState names the event of a timer. Other events are calls of the client's program. */
function clientCauseText(event: string): string {
  return event.startsWith('xstate.after.') ? `reaches the end of its ${delayName(event)}` : event
}

function listed(invariants: readonly { readonly invariant: Invariant }[]): string {
  return invariants.map(({ invariant }) => invariant).join(' ') || 'none'
}

function serverText(record: ServerRecord): string {
  switch (record.kind) {
    case 'step': {
      const moved = record.moves.flatMap((move) => {
        const text = moveText(move)
        return text === null ? [] : [`${roleText(move.role)}: ${text}`]
      })
      const parts = [causeText(record.cause), ...moved, ...factTexts(record.facts)]
      return (moved.length === 0 && record.facts.length === 0 ? [...parts, 'no change'] : parts).join('; ')
    }
    case 'keyframe': {
      const { durable, firstUnexecuted } = record
      return `stands at instance ${firstUnexecuted}, promised ${ballotText(durable.promised)}`
    }
    case 'heads': {
      const { firstUnexecuted, leftOut, promised } = record
      return `is at instance ${firstUnexecuted}, promised ${ballotText(promised)}; ${leftOutText(leftOut)} since its last record`
    }
    case 'fate': {
      const { message, from, to, fate, reason } = record
      return `observes a message from ${from} to ${to} ${fate}${reasonText(reason)}: ${shortText(message)}`
    }
    case 'service':
      return `shows its service's state after instance ${record.firstUnexecuted - 1}`
    case 'ended':
      return `ends${reasonText(record.reason)}`
  }
  record satisfies never
  return ''
}

function reasonText(reason: string | null): string {
  return reason === null || reason === '' ? '' : ` (${reason})`
}

/** A message to several receivers is listed once. */
function factTexts(facts: readonly Fact[]): string[] {
  const sentTo = new Map<string, number[]>()
  const parts: (() => string)[] = []
  for (const fact of facts) {
    switch (fact.type) {
      case 'said': {
        const text = messageText(fact.message)
        const to = sentTo.get(text)
        if (to !== undefined) {
          to.push(fact.to)
          break
        }
        const receivers = [fact.to]
        sentTo.set(text, receivers)
        parts.push(() => `sends to ${receivers.join(', ')}: ${cut(text, messageCharacters)}`)
        break
      }
      case 'synced':
        parts.push(
          () =>
            `synced: promised ${ballotText(fact.durable.promised)}, all chosen below ${fact.durable.firstUnchosen}`,
        )
        break
      case 'executed': {
        parts.push(() => `executes instance ${fact.instance}: ${executionText(fact.execution)}`)
        break
      }
      case 'responded':
        parts.push(() => `answers ${fact.to}: ${shortText(fact.message)}`)
        break
      case 'started':
        parts.push(
          () =>
            `from its disk: promised ${ballotText(fact.durable.promised)}, all chosen below ${fact.durable.firstUnchosen}`,
        )
        break
      case 'crashed':
        parts.push(() => 'is gone')
        break
      case 'requested':
        break
    }
  }
  return parts.map((part) => part())
}

/** `timer x fires, session 12.0 of a ended, b#1 executed: …`; the first of each. */
function executionText({ fired, endedSessions, outcomes }: Execution): string {
  const texts = [
    ...listedFirst(
      fired,
      ({ name, failed }) => `timer ${name} ${failed === null ? 'fires' : `fails: ${failed}`}`,
    ),
    ...listedFirst(endedSessions, (uid) => `session ${sessionText(uid)} ended`),
    ...listedFirst(outcomes, (outcome) => `${requestName(outcome)} ${outcomeText(outcome.outcome)}`),
  ]
  return texts.join(', ') || 'nothing'
}

function listedFirst<T>(all: readonly T[], textOf: (one: T) => string): readonly string[] {
  const texts = all.slice(0, listedOutcomes).map(textOf)
  return all.length > listedOutcomes ? [...texts, `${all.length - listedOutcomes} more`] : texts
}

/** The state that an edge leaves, as `stateName` writes it: `accepting` of `proposer.accepting on accepted[2]`. */
function stateBefore(edge: string): string {
  const [id = ''] = edge.split(' ')
  return id.split('.').slice(1).join('.')
}

function shortText(message: Parameters<typeof messageText>[0]): string {
  return cut(messageText(message), messageCharacters)
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}…`
}
