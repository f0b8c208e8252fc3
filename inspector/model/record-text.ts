/** What a record tells, in words: for the list of events, for what is read aloud, and wherever a step is named. */
import type { Instance } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { delayName } from '../../src/core/chart-names.ts'
import type { Fact } from '../../src/core/facts.ts'
import { type Invariant, invariants } from '../../src/core/invariants.ts'
import { requestName, shownName } from '../../src/core/names.ts'
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

/** Characters of a sentence, and of a message in it, at most: all of it stands in the details. */
const keptCharacters = 400
const messageCharacters = 140

/** Of `127.0.0.1:65535`. */
const addressCharacters = 15

/** Outcomes that are told one by one. */
const toldOutcomes = 3

/** `request queue`. */
export function roleText(role: RoleName): string {
  return role === 'requestQueue' ? 'request queue' : role
}

/** `server 1`, or `client a`; a client that is called one already is not called so twice. */
export function partyText(party: PartyName): string {
  if (typeof party === 'number') return `server ${party}`
  return /^client\b/.test(party) ? party : `client ${shownName(party)}`
}

/** Seconds since the first record: `12.345`. */
export function timeText(timeMs: number | null, originMs: number): string {
  return timeMs === null ? '' : ((timeMs - originMs) / 1_000).toFixed(3)
}

const milestoneWords: Readonly<Record<Exclude<MilestoneKind, 'members' | 'broken'>, string>> = {
  up: 'is up',
  gone: 'is gone',
  paused: 'is paused',
  resumed: 'goes on',
}

/** `server 1 is gone (its connection ended)`, `members 0 1 2 3: 3 added (from instance 12 on)`. */
export function milestoneText({ what, node, text, instance }: Milestone): string {
  if (what === 'members') return `members ${text ?? ''}${reasonText(`from instance ${instance ?? 0} on`)}`
  if (what === 'broken') return `broken: ${text ?? ''}`
  return `server ${node ?? ''} ${milestoneWords[what]}${reasonText(text)}`
}

/** The time of day, `12:03:05`; empty where it is virtual, in milliseconds from 0 on. */
export function wallText(timeMs: number | null): string {
  if (timeMs === null || timeMs < earliestWallMs) return ''
  const date = new Date(timeMs)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Of 2001: schedules and simulated runs count from 0 on. */
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

/** True of a text that is an address or less: it stands on one line in a narrow column. */
export function isShort(text: string): boolean {
  return text.length <= addressCharacters
}

/** `1 agreement`. */
export function invariantText(invariant: Invariant): string {
  return `${invariant} ${invariants[invariant].name}`
}

/** What was wrong, without the name of the invariant with which an engine begins. */
export function breachText(text: string): string {
  return text.replace(/^invariant \d+ \([^)]*\): /, '')
}

/** What happened to a server: `hears from 2: accepted 1.0 instance 4`. */
export function causeText(cause: Cause): string {
  switch (cause.type) {
    case 'start':
      return 'starts'
    case 'hear':
      return `hears from ${cause.sender}: ${saidText(cause.message)}`
    case 'request':
      return `hears from ${cause.replyTo}: ${saidText(cause.message)}`
    case 'timer':
      return `comes to the end of its ${roleText(cause.role)}'s ${delayName(cause.id)}`
    case 'synced':
      return 'has its disk synced'
    case 'tell':
      return `tells its ${roleText(cause.role)} ${cause.event}`
  }
  cause satisfies never
}

/** `accepting → leading`; `stays leading` when a transition was taken that leads back; `null` when none was. */
export function moveText({ edges, state }: Omit<RoleMove, 'role'>): string | null {
  const [first] = edges
  if (first === undefined) return null
  const before = stateBefore(first)
  return state === before || state.startsWith(`${before}.`) || before === ''
    ? `stays ${state}`
    : `${before} → ${state}`
}

/** What a record tells, as one sentence that begins with whom it tells of. Never throws. */
export function recordText(record: InspectorRecord): string {
  const known = texts.get(record)
  if (known !== undefined) return known
  let text: string
  try {
    text = cut(sentence(record), keptCharacters)
  } catch {
    text = 'a record that cannot be read'
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

/** What came of a step besides transitions: what the server said, synced, executed. Empty for other records. Never throws. */
export function resultTexts(record: InspectorRecord): readonly string[] {
  try {
    if (record.kind === 'server' && record.record.kind === 'step') return factTexts(record.record.facts)
    if (record.kind === 'client') return clientSaidTexts(record.said)
  } catch {
    // As far as it can be read, it is told.
  }
  return []
}

/** `links cut: 0→1 1→0`. */
function linksText(cut: readonly CutLink[]): string {
  return cut.length === 0
    ? 'no link is cut any more'
    : `links cut: ${cut.map(({ from, to }) => `${from}→${to}`).join(' ')}`
}

function rulesText(rules: readonly FaultRule[]): string {
  return rules.length === 0
    ? 'no rules hold for messages'
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
      const { client, seq, heard, event, moves, said } = record
      const cause =
        heard === null ? clientCauseText(event) : `hears from ${heard.from}: ${saidText(heard.message)}`
      const moved = moves.flatMap((move) => moveText(move) ?? [])
      return [`${partyText(client)}, request ${seq}: ${cause}`, ...moved, ...clientSaidTexts(said)].join('; ')
    }
    case 'links':
      return linksText(record.cut)
    case 'repeats': {
      const { count, sinceMs, timeMs } = record
      return `${count} steps that were taken before, the same again, in ${ageText(timeMs - sinceMs)}: left out`
    }
    case 'milestones':
      return `${record.milestones.length} milestones of the time before`
    case 'verdict': {
      const broken = record.invariants.filter(({ standing }) => standing === 'broken')
      const told = broken.map(
        ({ invariant, text }) => `invariant ${invariantText(invariant)}, ${breachText(text)}`,
      )
      if (record.failure !== undefined) told.push(record.failure)
      if (told.length > 0) return `broken: ${told.join('; ')}`
      const unjudged = record.invariants.filter(({ standing }) => standing === 'unjudged')
      const rest = unjudged.length === 0 ? '' : `; unjudged: ${listed(unjudged)}`
      return `invariants hold: ${listed(record.invariants.filter(({ standing }) => standing === 'holds'))}${rest}`
    }
  }
  record satisfies never
  return ''
}

function clientSaidTexts(said: ClientRecord['said']): string[] {
  return said.map(({ to, message }) => `says to ${to}: ${saidText(message)}`)
}

/** A timer's event is named by XState; the others say what the client's program asked for. */
function clientCauseText(event: string): string {
  return event.startsWith('xstate.after.') ? `comes to the end of its ${delayName(event)}` : event
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
      return (moved.length === 0 && record.facts.length === 0 ? [...parts, 'nothing changes'] : parts).join(
        '; ',
      )
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
      return `sees what ${from} said to ${to} ${fate}${reasonText(reason)}: ${saidText(message)}`
    }
    case 'service':
      return `shows its service after instance ${record.firstUnexecuted - 1}`
    case 'ended':
      return `ends${reasonText(record.reason)}`
  }
  record satisfies never
  return ''
}

function reasonText(reason: string | null): string {
  return reason === null || reason === '' ? '' : ` (${reason})`
}

/** What was said to several is told once. */
function factTexts(facts: readonly Fact[]): string[] {
  const saidTo = new Map<string, number[]>()
  const parts: (() => string)[] = []
  for (const fact of facts) {
    switch (fact.type) {
      case 'said': {
        const text = messageText(fact.message)
        const to = saidTo.get(text)
        if (to !== undefined) {
          to.push(fact.to)
          break
        }
        const receivers = [fact.to]
        saidTo.set(text, receivers)
        parts.push(() => `says to ${receivers.join(', ')}: ${cut(text, messageCharacters)}`)
        break
      }
      case 'synced':
        parts.push(
          () =>
            `synced: promised ${ballotText(fact.durable.promised)}, all chosen below ${fact.durable.firstUnchosen}`,
        )
        break
      case 'executed': {
        const { outcomes } = fact.execution
        const told = outcomes
          .slice(0, toldOutcomes)
          .map((outcome) => `${requestName(outcome)} ${outcomeText(outcome.outcome)}`)
        if (outcomes.length > toldOutcomes) told.push(`${outcomes.length - toldOutcomes} more`)
        parts.push(() => `executes instance ${fact.instance}: ${told.join(', ') || 'nothing'}`)
        break
      }
      case 'responded':
        parts.push(() => `answers ${fact.to}: ${saidText(fact.message)}`)
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

/** The state that an edge leaves, as `stateName` writes it: `accepting` of `proposer.accepting on accepted[2]`. */
function stateBefore(edge: string): string {
  const [id = ''] = edge.split(' ')
  return id.split('.').slice(1).join('.')
}

function saidText(message: Parameters<typeof messageText>[0]): string {
  return cut(messageText(message), messageCharacters)
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}…`
}
