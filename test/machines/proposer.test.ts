import { describe, expect, test } from 'vitest'
import type { Ballot } from '../../machines/ballot.ts'
import type { Batch, NodeId } from '../../machines/batch.ts'
import type { Heard, ProposerEvent } from '../../machines/inbox.ts'
import type { Accepted, Denial, PromiseMessage } from '../../machines/messages.ts'
import { type ProposerContext, type ProposerInput, proposerMachine } from '../../machines/proposer.ts'
import { drawRandom } from '../../machines/random.ts'
import { withoutSample, withSample } from '../../machines/round-trip.ts'
import { defaultTiming } from '../../machines/timing.ts'
import {
  ballot,
  batch,
  cancel,
  executed,
  informant,
  member,
  members,
  Role,
  record,
  said,
  send,
  sentBy,
  tell,
  timer,
  type Want,
} from '../support/role.ts'

// Server 0, whose acceptor has promised round 4: its first ballot is round 5. Instance 10 is the first unexecuted.
const mine = ballot(5, 0)
const timing = {
  ...defaultTiming,
  retransmitMs: 60,
  retransmitLimitMs: 200,
  backoffMs: 12,
  backoffLimitMs: 500,
}
const own = batch('own')

function proposer(changes: Partial<ProposerInput> = {}): Role<ProposerContext> {
  return new Role(proposerMachine, {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    timing,
    randomSeed: 7,
    promised: ballot(4, 1),
    firstUnexecuted: 10,
    ...changes,
  } satisfies ProposerInput)
}

const ready: ProposerEvent = { type: 'requests.ready' }
const offered = offers(own)

/** The request queue offers `what` at the time `atMs`. */
function offers(what: Batch, atMs = 0): ProposerEvent {
  return { type: 'batch.offered', batch: what, atMs }
}

function promise(sender: NodeId, changes: Partial<Omit<PromiseMessage, 'type'>> = {}): Heard<PromiseMessage> {
  return {
    type: 'promise',
    ballot: mine,
    from: 10,
    accepted: [],
    firstUnchosen: 10,
    ...sentBy(sender),
    ...changes,
  }
}

/** It arrives 20 ms after the offer: this gives the first measurement the interval that was used before. */
function accepted(
  sender: NodeId,
  changes: { ballot?: Ballot; instance?: number; atMs?: number } = {},
): Heard<Accepted> {
  return { type: 'accepted', ballot: mine, instance: 10, ...sentBy(sender), atMs: 20, ...changes }
}

function denial(changes: Partial<Denial> = {}, sender = 1): Heard<Denial> {
  return {
    type: 'denial',
    ballot: mine,
    instance: 10,
    promised: ballot(4, 1),
    firstUnchosen: 10,
    ...sentBy(sender),
    ...changes,
  }
}

function surpassed(by: Ballot): ProposerEvent {
  return { type: 'rival.promised', ballot: by }
}

// What it wants.
const begun = timer('retransmitInterval', 60)
const ended = cancel('retransmitInterval')
/** The waits after the first, second and third repetition: doubled each time, up to a limit, times a factor drawn at random. */
const spreads = [7, drawRandom(7).seed, drawRandom(drawRandom(7).seed).seed].map(
  (seed) => 0.75 + drawRandom(seed).value / 2,
)
const [again, againLater, againLast] = [120, 200, 200].map((ms, place) =>
  timer('retransmitInterval', Math.min(200, Math.ceil(ms * (spreads[place] ?? 1)))),
)
/** The first wait of another message after one repetition. */
const begunAgain = timer('retransmitInterval', Math.ceil(60 * (spreads[0] ?? 1)))
const wantsBatch = tell('requestQueue', { type: 'batch.wanted' })
const wantsWork = tell('requestQueue', { type: 'work.wanted' })

function prepareTo(nodes: readonly NodeId[], at: Ballot = mine, from = 10): Want[] {
  return nodes.map((to) => send(to, { type: 'prepare', ballot: at, from }))
}

function acceptTo(nodes: readonly NodeId[], what: Batch, instance = 10, at: Ballot = mine): Want[] {
  return nodes.map((to) => send(to, { type: 'accept', ballot: at, instance, batch: what }))
}

/** `atMs` is `null` when what the promises show is noticed, which no single message shows. */
function behind(firstUnchosen: number, peer: NodeId, atMs: number | null = 0): Want {
  return tell('learner', { type: 'behind.noticed', firstUnchosen, informant: informant(peer), atMs })
}

/** What a server that the batch at instance 10 concerns is told. */
function settled(to: NodeId, at: Ballot = mine): Want {
  return send(to, { type: 'settled', ballot: at, instance: 10 })
}

function chosen(what: Batch, instance = 10): Want {
  return tell('learner', { type: 'batch.chosen', instance, batch: what })
}

// How it gets into each of its states.
const ways: Readonly<Record<string, readonly ProposerEvent[]>> = {
  idle: [],
  preparing: [ready],
  leading: [ready, promise(0), promise(1)],
  catchingUp: [ready, promise(0), promise(1, { firstUnchosen: 12 })],
  'accepting.proposing': [ready, promise(0), promise(1), offered],
  'accepting.helping': [ready, promise(0), promise(1, { accepted: [record(10, ballot(3, 1), 'theirs')] })],
  backingOff: [ready, denial({ promised: ballot(6, 1) })],
}

function proposerIn(state: string, changes: Partial<ProposerInput> = {}): Role<ProposerContext> {
  const role = proposer(changes)
  role.hear(...(ways[state] ?? []))
  expect(role.state).toBe(state)
  return role
}

test('it begins idle and in silence', () => {
  const role = proposer()
  expect(role.began).toEqual([])
  expect(role.state).toBe('idle')
  expect(role.timers).toEqual([])
})

describe('idle', () => {
  test.each<ProposerEvent>([ready, offered, { type: 'settle.wanted' }])('$type makes it prepare', (event) => {
    const role = proposer()
    expect(role.hear(event)).toEqual([...prepareTo([0, 1, 2]), begun])
    expect(role.state).toBe('preparing')
    expect(role.context).toMatchObject({
      ballot: mine,
      highestRound: 5,
      preparedFrom: 10,
      promises: [],
      batch: null,
    })
  })

  test('what was chosen meanwhile is below where it prepares', () => {
    const role = proposer()
    role.hear(executed(10), executed(11))
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], mine, 12), begun])
  })

  test.each<[promised: Ballot | null, heard: Ballot[], expected: Ballot]>([
    [null, [], ballot(1, 0)],
    [ballot(4, 2), [], ballot(5, 0)],
    [ballot(4, 2), [ballot(3, 1)], ballot(5, 0)],
    [ballot(4, 2), [ballot(9, 1)], ballot(10, 0)],
    [ballot(4, 2), [ballot(9, 1), ballot(6, 2)], ballot(10, 0)],
  ])('after promising %j and hearing of %j its ballot is %j', (promised, heard, expected) => {
    const role = proposer({ promised })
    role.hear(...heard.map(surpassed))
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], expected), begun])
  })
})

describe('a message that is not for this moment changes nothing', () => {
  test.each<[state: string, event: ProposerEvent]>([
    ['idle', promise(1)],
    ['idle', accepted(1)],
    ['idle', denial({ promised: ballot(9, 1), firstUnchosen: 12 })],
    ['preparing', ready],
    ['preparing', offered],
    ['preparing', { type: 'settle.wanted' }],
    ['preparing', accepted(1)],
    ['leading', ready],
    ['leading', promise(2)],
    ['leading', accepted(1)],
    ['leading', denial({ promised: ballot(9, 1) })],
    ['catchingUp', ready],
    ['catchingUp', offered],
    ['catchingUp', promise(2)],
    ['catchingUp', accepted(1)],
    ['accepting.proposing', ready],
    ['accepting.proposing', offers(batch('another'))],
    ['accepting.proposing', promise(2)],
    ['accepting.helping', offered],
    ['accepting.helping', promise(2, { accepted: [record(10, ballot(4, 1), 'late')] })],
    ['backingOff', ready],
    ['backingOff', offered],
    ['backingOff', promise(1)],
    ['backingOff', accepted(1)],
    ['backingOff', denial({ promised: ballot(9, 1) })],
  ])('%s: %j', (state, event) => {
    const role = proposerIn(state)
    const before = role.context
    expect(role.hear(event)).toEqual([])
    expect(role.state).toBe(state)
    expect(role.context).toEqual(before)
  })
})

describe('preparing', () => {
  const lower = ballot(4, 0)
  const higher = ballot(6, 0)

  test.each<[ballot: string, knows: string, at: Ballot, firstUnchosen: number, state: string, wants: Want[]]>(
    [
      ['lower', 'less', lower, 9, 'preparing', []],
      ['lower', 'as much', lower, 10, 'preparing', []],
      ['lower', 'more', lower, 11, 'preparing', []],
      ['this', 'less', mine, 9, 'leading', [ended, wantsBatch]],
      ['this', 'as much', mine, 10, 'leading', [ended, wantsBatch]],
      ['this', 'more', mine, 11, 'catchingUp', [ended, behind(11, 1, null), begun]],
      ['higher', 'less', higher, 9, 'preparing', []],
      ['higher', 'as much', higher, 10, 'preparing', []],
      ['higher', 'more', higher, 11, 'preparing', []],
    ],
  )('the promise for the %s ballot of somebody who knows %s', (_b, _k, at, firstUnchosen, state, wants) => {
    const role = proposerIn('preparing')
    role.hear(promise(0))
    expect(role.hear(promise(1, { ballot: at, firstUnchosen }))).toEqual(wants)
    expect(role.state).toBe(state)
    expect(role.context.promises.map(({ node }) => node)).toEqual(state === 'preparing' ? [0] : [0, 1])
  })

  test.each<[title: string, from: number, state: string]>([
    ['an earlier instance', 9, 'preparing'],
    ['the one that it asked for', 10, 'leading'],
    ['a later instance', 11, 'preparing'],
  ])('a promise for this ballot that shows what was accepted from %s on', (_, from, state) => {
    const role = proposerIn('preparing')
    role.hear(promise(0))
    expect(role.hear(promise(1, { from }))).toEqual(state === 'leading' ? [ended, wantsBatch] : [])
    expect(role.state).toBe(state)
  })

  test('a promise for an older ballot with a batch in it decides nothing', () => {
    const role = proposerIn('preparing')
    role.hear(
      promise(1, { ballot: lower, accepted: [record(10, ballot(3, 1), 'theirs')] }),
      promise(0),
      promise(1),
    )
    expect(role.state).toBe('leading')
  })

  test.each<[title: string, count: number, heard: NodeId[], state: string]>([
    ['its own promise alone, of one', 1, [0], 'leading'],
    ['its own promise alone, of three', 3, [0], 'preparing'],
    ['its own and another', 3, [0, 2], 'leading'],
    ['another and then its own', 3, [2, 0], 'leading'],
    ['a quorum of others: its own acceptor must have promised durably', 3, [1, 2], 'preparing'],
    ['that, and then its own', 3, [1, 2, 0], 'leading'],
    ['its own and another, twice, of five', 5, [0, 1, 1, 1, 0], 'preparing'],
    ['its own and two others, of five', 5, [0, 1, 1, 3], 'leading'],
    ['a server that is no member', 3, [0, 7], 'preparing'],
  ])('%s', (_, count, heard, state) => {
    const role = proposerIn('preparing', { members: members(count) })
    role.hear(...heard.map((sender) => promise(sender)))
    expect(role.state).toBe(state)
  })

  test('a member that is not counted is not asked, and its promise counts for nothing', () => {
    const role = proposer({ members: [member(0), member(1), member(2, null)] })
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1]), begun])
    role.hear(promise(0), promise(2))
    expect(role.state).toBe('preparing')
    role.hear(promise(1))
    expect(role.state).toBe('leading')
  })

  test('asks again those that are silent, and waits longer each time, up to a limit', () => {
    const role = proposerIn('preparing')
    expect(role.pass('retransmitInterval')).toEqual([ended, ...prepareTo([0, 1, 2]), again])
    role.hear(promise(1))
    expect(role.pass('retransmitInterval')).toEqual([ended, ...prepareTo([0, 2]), againLater])
    expect(role.pass('retransmitInterval')).toEqual([ended, ...prepareTo([0, 2]), againLast])
    expect(role.context.ballot).toEqual(mine)
  })

  test('goes on when something is chosen meanwhile, and proposes only after it', () => {
    const role = proposerIn('preparing')
    expect(role.hear(executed(10))).toEqual([])
    expect(role.pass('retransmitInterval')).toContainEqual(
      send(1, { type: 'prepare', ballot: mine, from: 10 }),
    )
    role.hear(
      promise(0, { firstUnchosen: 11 }),
      promise(1, { accepted: [record(10, ballot(3, 1), 'theirs')] }),
    )
    expect(role.hear(offered)).toEqual([...acceptTo([0, 1, 2], own, 11), begunAgain])
  })
})

test('a denial at its own server, whose acceptor promised more for itself, names no other leader', () => {
  const role = proposerIn('preparing')
  const wants = said(role.hear(denial({ promised: ballot(6, 0) }, 0)))
  expect(wants).toEqual([])
  expect(role.state).toBe('backingOff')
})

/** The same in both phases: what a denial means. */
describe.each(['preparing', 'accepting.proposing', 'accepting.helping'])('a denial, %s', (state) => {
  const [less, same, more] = [ballot(4, 1), mine, ballot(6, 1)]
  const [older, newer] = [ballot(4, 0), ballot(6, 0)]
  const ignored = 'ignored'
  const late = 'told to the learner'
  const denied = 'backs off'

  test.each<[ballot: Ballot, promised: Ballot | null, firstUnchosen: number, expected: string]>([
    [older, more, 9, ignored],
    [older, more, 10, ignored],
    [older, more, 11, ignored],
    [older, less, 11, ignored],
    [newer, more, 9, ignored],
    [newer, more, 10, ignored],
    [newer, more, 11, ignored],
    [mine, null, 9, ignored],
    [mine, null, 11, late],
    [mine, less, 9, ignored],
    [mine, less, 10, ignored],
    [mine, less, 11, late],
    [mine, same, 9, ignored],
    [mine, same, 10, ignored],
    [mine, same, 11, late],
    [mine, ballot(5, 1), 10, denied],
    [mine, more, 9, denied],
    [mine, more, 10, denied],
    [mine, more, 11, denied],
  ])('of %j, from an acceptor that promised %j and knows below %i: %s', (at, promised, firstUnchosen, expected) => {
    const role = proposerIn(state)
    const before = role.context
    const wants = role.hear(denial({ ballot: at, promised, firstUnchosen }))
    if (expected === denied) {
      const other = tell('requestQueue', { type: 'leader.changed', leader: 1 })
      expect(wants).toEqual([ended, other, timer('backoff', role.context.backoffMs)])
      expect(role.state).toBe('backingOff')
      expect(role.context.highestRound).toBe(promised?.round)
      return
    }
    expect(wants).toEqual(expected === late ? [behind(11, 1)] : [])
    expect(role.state).toBe(state)
    expect(role.context).toEqual(before)
  })
})

describe('adopting: catching up comes before helping, and helping before its own', () => {
  const theirs = record(10, ballot(3, 1), 'theirs')

  test('what somebody knows to be chosen is learned first, from the best informed', () => {
    const role = proposerIn('preparing', { members: members(5) })
    role.hear(promise(0), promise(3, { firstUnchosen: 11 }))
    expect(
      role.hear(promise(2, { accepted: [record(12, ballot(3, 1), 'open')], firstUnchosen: 12 })),
    ).toEqual([ended, behind(12, 2, null), begun])
    expect(role.state).toBe('catchingUp')
    expect(role.hear(executed(10))).toEqual([ended, behind(12, 2, null), begun])
    expect(role.hear(executed(11))).toEqual([ended, ...acceptTo([0, 1, 2, 3, 4], batch('open'), 12), begun])
    expect(role.state).toBe('accepting.helping')
    role.hear(accepted(0, { instance: 12 }), accepted(1, { instance: 12 }), accepted(2, { instance: 12 }))
    expect(role.hear(executed(12))).toEqual([ended, wantsBatch])
    expect(role.state).toBe('leading')
    expect(role.hear(offered)).toEqual([...acceptTo([0, 1, 2, 3, 4], own, 13), begun])
  })

  test('while it catches up it reminds the learner, and waits longer each time', () => {
    const role = proposerIn('catchingUp')
    expect(role.pass('retransmitInterval')).toEqual([ended, behind(12, 1, null), again])
    expect(role.pass('retransmitInterval')).toEqual([ended, behind(12, 1, null), againLater])
  })

  test('what a minority of a minority accepted at the highest ballot goes before what more of them did', () => {
    const role = proposerIn('preparing', { members: members(5) })
    role.hear(
      promise(0, { accepted: [record(10, ballot(2, 1), 'more')] }),
      promise(1, { accepted: [record(10, ballot(2, 1), 'more')] }),
    )
    expect(role.hear(promise(2, { accepted: [record(10, ballot(3, 2), 'highest')] }))).toEqual([
      ended,
      ...acceptTo([0, 1, 2, 3, 4], batch('highest')),
      begun,
    ])
  })

  test('every instance up to the highest accepted one is helped, one after another', () => {
    const role = proposerIn('preparing')
    role.hear(promise(0, { accepted: [theirs] }))
    const next = record(11, ballot(3, 1), 'next')
    expect(role.hear(promise(1, { accepted: [theirs, next] }))).toEqual([
      ended,
      ...acceptTo([0, 1, 2], batch('theirs')),
      begun,
    ])
    role.hear(accepted(0), accepted(1))
    expect(role.hear(executed(10))).toEqual([ended, ...acceptTo([0, 1, 2], batch('next'), 11), begun])
    role.hear(accepted(0, { instance: 11 }), accepted(1, { instance: 11 }))
    expect(role.hear(executed(11))).toEqual([ended, wantsBatch])
  })

  test('where a quorum shows a hole, what was accepted above it is void: it is flagged, and never helped', () => {
    const role = proposerIn('preparing')
    role.hear(promise(0))
    const later = [record(11, ballot(3, 1), 'later'), record(12, ballot(3, 1), 'later still')]
    expect(role.hear(promise(1, { accepted: later }))).toEqual([
      ended,
      { type: 'flag', oddity: 'void', sender: 1 },
      wantsBatch,
    ])
    expect(role.state).toBe('leading')
    role.hear(offered, accepted(0), accepted(1))
    // Its own batch is chosen at the hole: at the next instance, too, it proposes what it likes.
    expect(role.hear(executed(10))).toEqual([ended, wantsBatch])
    expect(role.state).toBe('leading')
  })

  test('what is accepted at the hole at a higher ballot of another promise is helped first', () => {
    const role = proposerIn('preparing')
    role.hear(promise(0, { accepted: [record(10, ballot(3, 1), 'here')] }))
    role.hear(promise(1, { accepted: [record(11, ballot(3, 1), 'later')] }))
    expect(role.state).toBe('accepting.helping')
  })
})

describe('accepting', () => {
  test.each<[ballot: string, instance: string, at: Ballot, number: number]>([
    ['lower', 'earlier', ballot(4, 0), 9],
    ['lower', 'current', ballot(4, 0), 10],
    ['lower', 'later', ballot(4, 0), 11],
    ['this', 'earlier', mine, 9],
    ['this', 'later', mine, 11],
    ['higher', 'earlier', ballot(6, 0), 9],
    ['higher', 'current', ballot(6, 0), 10],
    ['higher', 'later', ballot(6, 0), 11],
  ])('an accepted for the %s ballot and an %s instance counts for nothing', (_b, _i, at, instance) => {
    const role = proposerIn('accepting.proposing')
    role.hear(accepted(0))
    const before = role.context
    expect(role.hear(accepted(1, { ballot: at, instance }))).toEqual([])
    expect(role.context).toEqual(before)
  })

  test.each<[title: string, count: number, heard: NodeId[], isChosen: boolean]>([
    ['one of one', 1, [0], true],
    ['one of three', 3, [0], false],
    ['two of three', 3, [0, 1], true],
    ['two others of three: its own acceptor is not needed here', 3, [1, 2], true],
    ['one of three, twice', 3, [1, 1], false],
    ['one of three and a stranger', 3, [1, 7], false],
    ['two of five, again and again', 5, [0, 1, 0, 1, 1], false],
    ['three of five', 5, [0, 1, 1, 4], true],
  ])('%s', (_, count, heard, isChosen) => {
    const all = members(count)
    const role = proposer({ members: all })
    role.hear(ready, ...all.map(({ id }) => promise(id)), offered)
    expect(role.hear(...heard.map((sender) => accepted(sender)))).toEqual(isChosen ? [chosen(own)] : [])
    expect(role.state).toBe('accepting.proposing')
  })

  test('asks again those that are silent only, and waits longer each time, up to a limit', () => {
    const role = proposer({ members: members(5) })
    role.hear(ready, promise(0), promise(1), promise(2), offered)
    expect(role.pass('retransmitInterval')).toEqual([ended, ...acceptTo([0, 1, 2, 3, 4], own), again])
    role.hear(accepted(3), accepted(0))
    expect(role.pass('retransmitInterval')).toEqual([ended, ...acceptTo([1, 2, 4], own), againLater])
    expect(role.pass('retransmitInterval')).toEqual([ended, ...acceptTo([1, 2, 4], own), againLast])
  })

  test('proposes one batch at a ballot and instance, though it is offered others', () => {
    const role = proposerIn('accepting.proposing')
    expect(role.hear(offers(batch('another')))).toEqual([])
    expect(role.pass('retransmitInterval')).toEqual([ended, ...acceptTo([0, 1, 2], own), again])
  })

  test('goes on only when what is chosen has been executed', () => {
    const role = proposerIn('accepting.proposing')
    expect(role.hear(accepted(0), accepted(1))).toEqual([chosen(own)])
    expect(role.state).toBe('accepting.proposing')
    expect(role.hear(executed(10))).toEqual([ended, wantsBatch])
    expect(role.state).toBe('leading')
    expect(role.context).toMatchObject({ firstUnexecuted: 11, batch: null, accepts: [], backoffs: 0 })
    expect(role.timers).toEqual([])
  })

  test('hears of a higher ballot and goes on: its own acceptor is one of several', () => {
    const role = proposerIn('accepting.proposing')
    expect(role.hear(surpassed(ballot(8, 2)))).toEqual([])
    expect(role.hear(accepted(1), accepted(2))).toEqual([chosen(own)])
    expect(role.context.highestRound).toBe(8)
  })
})

describe('the interval', () => {
  /** The first wait of the second accept, when the first had an answer of a quorum after `ms`. */
  function intervalAfter(ms: number, repetitions = 0): Want | undefined {
    const role = proposerIn('leading')
    role.hear(offers(batch('first'), 1_000))
    for (let passed = 0; passed < repetitions; passed += 1) role.pass('retransmitInterval')
    role.hear(accepted(1, { atMs: 1_001 }), accepted(0, { atMs: 1_000 + ms }), executed(10))
    return role.hear(offers(own, 2_000)).find(({ type }) => type === 'timer')
  }

  test.each([
    [1, timing.retransmitLeastMs],
    [20, 40],
    [30, 60],
    [9_000, timing.retransmitLimitMs],
  ])('after a quorum that took %i ms is %i ms: it follows the measured time within bounds', (took, ms) => {
    expect(intervalAfter(took)).toEqual(timer('retransmitInterval', ms))
  })

  test('takes an accept that was repeated for a late one, because the answer may be to either', () => {
    const role = proposerIn('leading')
    role.hear(offers(batch('first'), 1_000))
    role.pass('retransmitInterval')
    role.hear(accepted(1, { atMs: 1_030 }), accepted(0, { atMs: 1_030 }))
    const { roundTrip } = role.context
    expect(roundTrip).toEqual(withoutSample(null, timing.retransmitMs))
    role.hear(executed(10), offers(own, 2_000))
    role.hear(accepted(1, { instance: 11, atMs: 2_030 }), accepted(0, { instance: 11, atMs: 2_030 }))
    expect(role.context.roundTrip).toEqual(withSample(roundTrip, 30))
  })

  test('is not measured with a batch that was adopted', () => {
    const role = proposerIn('accepting.helping')
    role.hear(accepted(0, { atMs: 9_000 }), accepted(1, { atMs: 9_000 }))
    expect(role.context).toMatchObject({ isChosen: true, roundTrip: null })
  })

  test('is spread by chance within a quarter of it, otherwise servers would repeat in step', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((randomSeed) => {
      const [, ...wants] = proposerIn('preparing', { randomSeed }).pass('retransmitInterval')
      return wants.flatMap((want) => (want.type === 'timer' ? want.ms : []))[0] ?? 0
    })
    expect(new Set(waits).size).toBeGreaterThan(4)
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.75 * 120)
    expect(Math.max(...waits)).toBeLessThanOrEqual(1.25 * 120)
  })
})

describe('telling what was chosen', () => {
  test.each<[concerned: NodeId[], wants: Want[]]>([
    [[], []],
    [[0], []],
    [[1], [settled(1)]],
    [[0, 2], [settled(2)]],
    [
      [2, 1, 0],
      [settled(2), settled(1)],
    ],
  ])('concerns %j, who are told, but for itself', (concerned, wants) => {
    const role = proposerIn('accepting.proposing')
    role.hear(accepted(0), accepted(1))
    expect(role.hear(executed(10, { concerned }))).toEqual([ended, ...wants, wantsBatch])
  })

  test('names the ballot at which it was proposed, also when another server proposed the batch first', () => {
    const role = proposerIn('accepting.helping')
    role.hear(accepted(0), accepted(1))
    expect(said(role.hear(executed(10, { concerned: [0, 1, 2] })))).toEqual([
      settled(1),
      settled(2),
      wantsBatch,
    ])
  })

  test.each([
    'idle',
    'preparing',
    'catchingUp',
    'leading',
    'backingOff',
  ])('is for who had it chosen: not for one that is %s', (state) => {
    const role = proposerIn(state)
    const wants = said(role.hear(executed(10, { concerned: [1, 2] })))
    expect(wants.filter((want) => want.type === 'send')).toEqual([])
  })

  describe.each([
    'accepting.proposing',
    'accepting.helping',
  ])('is never of a batch that is only proposed here, while another was chosen: %s', (state) => {
    test.each([
      ['members stay', null],
      ['members change', members(5)],
    ])('%s', (_, changed) => {
      const role = proposerIn(state)
      role.hear(accepted(0))
      // A rival had its own batch chosen at 10, and this node learned it: the one proposed here is a loser.
      const wants = said(role.hear(executed(10, { concerned: [1, 2], members: changed })))
      expect(wants.filter((want) => want.type === 'send' && want.message.type === 'settled')).toEqual([])
    })
  })
})

describe('leading', () => {
  test('skips phase 1: a batch goes straight to accept, one instance after another', () => {
    const role = proposerIn('leading')
    // Measured: 20 ms each time. The variation is 10 ms at first, and smaller each time. At most 20 ms are added for it.
    for (const [instance, ms] of [
      [10, 60],
      [11, 20 + 20],
      [12, 20 + 20],
      [13, 20 + 20],
      [14, Math.ceil(20 + 4 * 4.21875)],
    ] as const) {
      const next = batch(`batch ${instance}`)
      expect(role.hear(offers(next))).toEqual([
        ...acceptTo([0, 1, 2], next, instance),
        timer('retransmitInterval', ms),
      ])
      expect(role.hear(accepted(2, { instance }), accepted(0, { instance }))).toEqual([
        chosen(next, instance),
      ])
      expect(role.hear(executed(instance))).toEqual([ended, wantsBatch])
      expect(role.state).toBe('leading')
    }
  })

  test('with nothing to propose is quiet: no timer runs', () => {
    expect(proposerIn('leading').timers).toEqual([])
  })

  test('proposes above what was chosen by others meanwhile', () => {
    const role = proposerIn('leading')
    expect(role.hear(executed(10), executed(11))).toEqual([])
    expect(role.hear(offered)).toEqual([...acceptTo([0, 1, 2], own, 12), begun])
  })

  test.each<[by: Ballot, isSurpassed: boolean]>([
    [ballot(4, 2), false],
    [mine, false],
    [ballot(5, 1), true],
    [ballot(9, 2), true],
  ])('gives up for %j: %s', (by, isSurpassed) => {
    const role = proposerIn('leading')
    expect(role.hear(surpassed(by))).toEqual(isSurpassed ? [wantsWork] : [])
    expect(role.state).toBe(isSurpassed ? 'idle' : 'leading')
    expect(role.hear(ready)).toEqual(
      isSurpassed ? [...prepareTo([0, 1, 2], ballot(by.round + 1, 0)), begun] : [],
    )
  })
})

/**
 * That somebody else had a batch chosen where this one proposes another means that a higher ballot has won. An accept at
 * the old ballot for the next instance would tell an acceptor that took the loser that the loser was chosen.
 */
describe('a batch learned from a rival while one of its own is proposed at that instance', () => {
  test.each(['accepting.proposing', 'accepting.helping'])('ends the ballot: %s', (state) => {
    const role = proposerIn(state)
    role.hear(accepted(0))
    const after = role.hear(executed(10), ready, promise(0), promise(1), offered, { type: 'settle.wanted' })
    const sent = said(after).flatMap((want) => (want.type === 'send' ? [want.message] : []))
    expect(sent.filter(({ type }) => type === 'accept')).toEqual([])
    expect(role.context.ballot.round).toBeGreaterThan(mine.round)
    expect(role.state).toBe('preparing')
  })
})

describe('backing off', () => {
  test('ends with asking for work, and then with a ballot above the one that denied it: one jump', () => {
    const role = proposerIn('accepting.proposing')
    role.hear(denial({ promised: ballot(41, 2) }))
    expect(role.state).toBe('backingOff')
    expect(role.pass('backoff')).toEqual([cancel('backoff'), wantsWork])
    expect(role.state).toBe('idle')
    expect(role.timers).toEqual([])
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], ballot(42, 0)), begun])
  })

  /** The waits of `count` denials in a row. */
  function waits(randomSeed: number, count: number): number[] {
    const role = proposer({ randomSeed })
    return Array.from({ length: count }, () => {
      role.hear(ready)
      const { ballot: own } = role.context
      role.hear(denial({ ballot: own, promised: ballot(own.round, 1) }))
      const { backoffMs } = role.context
      expect(role.timers).toEqual(['backoff'])
      role.pass('backoff')
      return backoffMs
    })
  }

  test('is random from its seed: the same for the same, and another for another', () => {
    expect(waits(1, 6)).toEqual(waits(1, 6))
    expect(waits(1, 6)).not.toEqual(waits(2, 6))
  })

  test('is between half and one and a half of what doubles each time, up to its limit', () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => waits(seed, 9))
    ;[12, 24, 48, 96, 192, 384, 500, 500, 500].forEach((base, tries) => {
      const drawn = seeds.map((sequence) => sequence[tries] ?? 0)
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(base * 0.5)
      expect(Math.max(...drawn)).toBeLessThanOrEqual(Math.ceil(base * 1.5))
      expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(base * 0.6)
    })
  })

  test('begins small again after a batch of its own was chosen', () => {
    const role = proposer()
    for (let tries = 0; tries < 5; tries += 1) {
      role.hear(ready, denial({ ballot: ballot(5 + tries, 0), promised: ballot(5 + tries, 1) }))
      role.pass('backoff')
    }
    expect(role.context.backoffs).toBe(5)
    const at = ballot(10, 0)
    role.hear(ready, promise(0, { ballot: at }), promise(1, { ballot: at }), offered)
    role.hear(accepted(0, { ballot: at }), accepted(1, { ballot: at }), executed(10))
    expect(role.context.backoffs).toBe(0)
  })

  test('yields once: a rival that comes forward lets it wait anew, the next one does not', () => {
    const role = proposerIn('backingOff')
    const { backoffMs: first } = role.context
    const anew = role.hear(surpassed(ballot(8, 2)))
    expect(anew).toEqual([cancel('backoff'), timer('backoff', role.context.backoffMs)])
    expect(role.context.backoffMs).not.toBe(first)
    expect(role.hear(surpassed(ballot(9, 1)))).toEqual([])
    expect(role.context.highestRound).toBe(9)
    role.pass('backoff')
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], ballot(10, 0)), begun])
    expect(role.context.hasYielded).toBe(false)
  })

  test('and yields once again in the next wait', () => {
    const role = proposerIn('backingOff')
    role.hear(surpassed(ballot(8, 2)))
    role.pass('backoff')
    role.hear(ready, denial({ ballot: ballot(9, 0), promised: ballot(9, 2) }))
    expect(role.hear(surpassed(ballot(10, 2)))).toEqual([
      cancel('backoff'),
      timer('backoff', role.context.backoffMs),
    ])
  })

  test('learns of what is chosen meanwhile, and prepares above it', () => {
    const role = proposerIn('backingOff')
    expect(role.hear(executed(10))).toEqual([])
    role.pass('backoff')
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], ballot(7, 0), 11), begun])
  })
})

describe('a change of members', () => {
  const five = members(5)

  test.each([
    ['preparing', [ended]],
    ['leading', []],
    ['catchingUp', [ended]],
    ['accepting.proposing', [ended]],
    ['accepting.helping', [ended]],
  ])('ends the ballot of one that is %s, which prepares again with the new quorum', (state, wants) => {
    const role = proposerIn(state)
    if (state.startsWith('accepting')) role.hear(accepted(0), accepted(1))
    expect(role.hear(executed(10, { members: five }))).toEqual([...wants, wantsWork])
    expect(role.state).toBe('idle')
    const next = ballot(6, 0)
    // A ballot that had a batch chosen has measured 20 ms.
    const wait = state.startsWith('accepting.proposing') ? timer('retransmitInterval', 20 + 20) : begun
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2, 3, 4], next, 11), wait])
    const answer = { ballot: next, from: 11, firstUnchosen: 11 }
    role.hear(promise(0, answer), promise(1, answer))
    expect(role.state).toBe('preparing')
    role.hear(promise(4, answer))
    expect(role.state).toBe('leading')
  })

  test('in a wait is known at its end', () => {
    const role = proposerIn('backingOff')
    expect(role.hear(executed(10, { members: five }))).toEqual([])
    role.pass('backoff')
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2, 3, 4], ballot(7, 0), 11), begun])
  })

  test('is told to those concerned, by who had it chosen', () => {
    const role = proposerIn('accepting.proposing')
    role.hear(accepted(0), accepted(1))
    expect(role.hear(executed(10, { members: five, concerned: [2] }))).toEqual([ended, settled(2), wantsWork])
  })

  test.each(Object.keys(ways))('that removes this server ends its part: %s', (state) => {
    const role = proposerIn(state)
    role.hear(executed(10, { members: [member(1), member(2)] }))
    if (state === 'backingOff') role.pass('backoff')
    expect(role.state).toBe('idle')
    expect(role.timers).toEqual([])
    expect(role.hear(ready, offered, { type: 'settle.wanted' })).toEqual([])
    expect(role.state).toBe('idle')
  })

  test.each<[title: string, changes: Partial<ProposerInput>]>([
    ['whose directory is another', { incarnation: 'another' }],
    ['that is added and not admitted', { members: [member(0, null), member(1), member(2)] }],
    ['that is no member', { members: [member(1), member(2)] }],
  ])('a server %s proposes nothing', (_, changes) => {
    const role = proposer(changes)
    expect(role.hear(ready, offered, { type: 'settle.wanted' })).toEqual([])
    expect(role.state).toBe('idle')
  })

  test('that admits this server lets it propose', () => {
    const role = proposer({ members: [member(0, null), member(1), member(2)] })
    role.hear(executed(10, { members: members(3) }))
    expect(role.hear(ready)).toEqual([...prepareTo([0, 1, 2], mine, 11), begun])
  })
})

test('the ballot of a proposer only grows, and its highest round is never below it', () => {
  const role = proposer()
  let last = role.context.ballot
  const events = [
    ready,
    promise(0),
    promise(1),
    offered,
    surpassed(ballot(6, 2)),
    denial({ promised: ballot(9, 1) }),
  ]
  for (const event of [...events, ready, executed(10), surpassed(ballot(3, 1)), ready]) {
    role.hear(event)
    if (role.timers.includes('backoff')) role.pass('backoff')
    const { ballot: now, highestRound } = role.context
    expect(now.round).toBeGreaterThanOrEqual(last.round)
    expect(highestRound).toBeGreaterThanOrEqual(now.round)
    last = now
  }
  expect(last).toEqual(ballot(10, 0))
})

describe('who is counted', () => {
  const stranger = sentBy(1, 'an old directory')

  test('a promise of another directory than the one that was admitted is no promise', () => {
    const role = proposerIn('preparing')
    role.hear(promise(0))
    expect(role.hear({ ...promise(1), ...stranger })).toEqual([])
    expect(role.state).toBe('preparing')
    role.hear(promise(1))
    expect(role.state).toBe('leading')
  })

  test('nor is its accepted a vote', () => {
    const role = proposerIn('accepting.proposing')
    role.hear(accepted(0))
    expect(role.hear({ ...accepted(1), ...stranger })).toEqual([])
    expect(role.context.accepts).toEqual([0])
    expect(role.hear(accepted(1))).toEqual([chosen(own)])
  })

  test('its denial makes nobody give way; what it knows is learned if it knows this server', () => {
    const denies = { ...denial({ promised: ballot(9, 1), firstUnchosen: 14 }), ...stranger }
    for (const state of ['preparing', 'accepting.proposing']) {
      const role = proposerIn(state)
      const learns = tell('learner', {
        type: 'behind.noticed',
        firstUnchosen: 14,
        informant: informant(1, 'an old directory'),
        atMs: 0,
      })
      expect(role.hear(denies)).toEqual([learns])
      expect(role.hear({ ...denies, knowsUs: false })).toEqual([])
      expect(role.hear({ ...promise(1, { firstUnchosen: 14 }), ...stranger, knowsUs: false })).toEqual([])
      expect(role.state).toBe(state)
    }
  })

  test('a denial with a round that nobody can have come to is flagged, and followed by one step', () => {
    for (const state of ['preparing', 'accepting.proposing']) {
      const role = proposerIn(state)
      const far = ballot(role.context.highestRound + 2 ** 40, 1)
      expect(said(role.hear(denial({ promised: far })))).toEqual([
        { type: 'flag', oddity: 'round', sender: 1 },
      ])
      expect(role.state).toBe('backingOff')
      expect(role.context.highestRound).toBe(5 + 2 ** 32)
    }
  })
})

test('a proposer that waits in vain for what somebody knew prepares again: another quorum shows what was accepted', () => {
  const role = proposerIn('catchingUp')
  for (let tries = 0; tries < defaultTiming.patientTries; tries += 1) {
    expect(said(role.pass('retransmitInterval'))).toEqual([behind(12, 1, null)])
  }
  const above = ballot(6, 0)
  expect(said(role.pass('retransmitInterval'))).toEqual(prepareTo([0, 1, 2], above))
  expect(role.state).toBe('preparing')
  expect(role.context.promises).toEqual([])
  role.hear(promise(0, { ballot: above }))
  role.hear(promise(2, { ballot: above, accepted: [record(10, ballot(3, 1), 'theirs')] }))
  expect(role.state).toBe('accepting.helping')
})
