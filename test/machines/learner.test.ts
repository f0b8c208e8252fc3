import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { Heard, LearnerEvent } from '../../machines/inbox.ts'
import { type LearnerContext, type LearnerInput, learnerMachine } from '../../machines/learner.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import type { Chosen } from '../../machines/messages.ts'
import { type RoundTrip, withoutSample, withSample } from '../../machines/round-trip.ts'
import { defaultTiming } from '../../machines/timing.ts'
import {
  batch,
  cancel,
  informant,
  member,
  members,
  persist,
  Role,
  said,
  send,
  sentBy,
  tell,
  timer,
  type Want,
} from '../support/role.ts'

// Server 0 of three, which knows what was chosen below 10 and has heard of nothing else.
const timing = { ...defaultTiming, graceMs: 5, retransmitMs: 60, retransmitLimitMs: 200, inquiryMs: 400 }

function learner(changes: Partial<LearnerInput> = {}): Role<LearnerContext> {
  return new Role(learnerMachine, {
    self: 0,
    members: members(3),
    timing,
    limits: { snapshotEvery: 1_000 },
    snapshot: null,
    requestsSince: 0,
    firstUnchosen: 10,
    highestHeard: 9,
    ...changes,
  } satisfies LearnerInput)
}

/** The batch that is chosen at an instance, in every test. */
function at(instance: number) {
  return batch(`chosen ${instance}`)
}

function upTo(from: number, end: number) {
  return Array.from({ length: end - from }, (_, offset) => at(from + offset))
}

function chosen(
  sender: NodeId,
  from: number,
  end: number,
  changes: Partial<Heard<Chosen>> = {},
): Heard<Chosen> {
  return {
    type: 'chosen',
    from,
    batches: upTo(from, end),
    firstUnchosen: end,
    unsettled: false,
    ...sentBy(sender),
    ...changes,
  }
}

type ChoiceImplied = Extract<LearnerEvent, { type: 'choice.implied' }>
type BehindNoticed = Extract<LearnerEvent, { type: 'behind.noticed' }>

function heard(sender: NodeId, instance: number, implied = false): ChoiceImplied {
  return {
    type: 'choice.implied',
    informant: informant(sender),
    heard: instance,
    firstUnchosen: instance,
    implied: implied ? at(instance - 1) : null,
    atMs: 0,
  }
}

/** The acceptor was told by `sender` that `instance` is settled. */
function settled(sender: NodeId, instance: number, implied = false): ChoiceImplied {
  return {
    type: 'choice.implied',
    informant: informant(sender),
    heard: instance,
    firstUnchosen: instance + 1,
    implied: implied ? at(instance) : null,
    atMs: 0,
  }
}

function behind(firstUnchosen: number, peer: NodeId): BehindNoticed {
  return { type: 'behind.noticed', firstUnchosen, informant: informant(peer), atMs: 0 }
}

const newsWanted: LearnerEvent = { type: 'news.wanted' }

/** What it wants when it learns `from` to `end - 1`. */
function learned(from: number, end: number): Want[] {
  const batches = upTo(from, end).map((chosen, offset) => ({ instance: from + offset, batch: chosen }))
  return [
    persist({ by: 'learner', chosen: batches }),
    tell('acceptor', { type: 'firstUnchosen.advanced', firstUnchosen: end }),
    ...batches.map((chosen): Want => ({ type: 'execute', ...chosen })),
  ]
}

/** What it wants when its acceptor concluded that `instance` is chosen. */
function implied(instance: number): Want[] {
  return learned(instance, instance + 1).filter(({ type }) => type !== 'tell')
}

function ask(to: NodeId, from = 10): Want {
  return send(to, { type: 'learn', from })
}

/** To a server that is no member: the directory is named that spoke. */
function askStranger(to: NodeId, incarnation = foundingIncarnation(to)): Want {
  return { ...send(to, { type: 'learn', from: 10 }), incarnation }
}

const asking = (ms = 60) => timer('askInterval', ms)
/** The wait after an answer that came at once. */
const askingSoon = asking(timing.retransmitLeastMs)
const asked = cancel('askInterval')
const waits = timer('grace', 5)
const waited = cancel('grace')
const inquires = timer('inquiryPatience', 400)
const inquired = cancel('inquiryPatience')
const newsChecked = tell('requestQueue', { type: 'news.checked' })
const settle = tell('proposer', { type: 'settle.wanted' })

const ways: Readonly<Record<string, readonly LearnerEvent[]>> = {
  following: [],
  behind: [heard(1, 14)],
  catchingUp: [behind(14, 1)],
  inquiring: [newsWanted],
}

function learnerIn(state: string, changes: Partial<LearnerInput> = {}): Role<LearnerContext> {
  const role = learner(changes)
  role.hear(...(ways[state] ?? []))
  expect(role.state).toBe(state)
  return role
}

test('it begins in silence, asking nobody, even where something is accepted and not known to be chosen', () => {
  for (const highestHeard of [9, 10, 14]) {
    const role = learner({ highestHeard })
    expect(role.began).toEqual([])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  }
})

describe('what it takes of what was chosen', () => {
  test.each<[title: string, from: number, end: number, wants: Want[], knows: number]>([
    ['ends below the first unchosen', 7, 9, [], 10],
    ['ends at it', 8, 10, [], 10],
    ['ends above it: the rest', 8, 12, learned(10, 12), 12],
    ['begins at it: all', 10, 13, learned(10, 13), 13],
    ['is empty', 10, 10, [], 10],
    ['begins above it: nothing, since there is a gap', 11, 13, [], 10],
  ])('inquiring, a message that %s', (_, from, end, wants, knows) => {
    const role = learnerIn('inquiring', { members: members(5) })
    // The sender claims to know no more than this server: only the batches count.
    expect(role.hear(chosen(1, from, end, { firstUnchosen: 10 }))).toEqual(wants)
    expect(role.state).toBe('inquiring')
    expect(role.context.firstUnchosen).toBe(knows)
  })

  test.each<[instance: number, wants: Want[]]>([
    [9, []],
    [10, learned(10, 11)],
    [11, []],
  ])("its own proposer's batch at %i", (instance, wants) => {
    expect(learner().hear({ type: 'batch.chosen', instance, batch: at(instance) })).toEqual(wants)
  })

  test.each<[title: string, instance: number, implied: boolean, wants: Want[], state: string]>([
    ['at an earlier instance', 9, true, [], 'following'],
    ['at the first unchosen', 10, true, [], 'following'],
    ['at the next, with what it implies', 11, true, implied(10), 'following'],
    ['at the next, which implies nothing', 11, false, [waits], 'behind'],
    ['at a later one, with what it implies: a gap', 12, true, [waits], 'behind'],
    ['at a later one, which implies nothing', 12, false, [waits], 'behind'],
  ])('an accept heard %s', (_, instance, implied, wants, state) => {
    const role = learner()
    expect(role.hear(heard(2, instance, implied))).toEqual(wants)
    expect(role.state).toBe(state)
    const isMore = instance > 10
    expect(role.context).toMatchObject({ highestHeard: Math.max(9, instance), peer: isMore ? 2 : 1 })
  })

  test.each<[title: string, instance: number, implied: boolean, wants: Want[], state: string]>([
    ['an earlier instance', 9, true, [], 'following'],
    ['the first unchosen, with the batch', 10, true, implied(10), 'following'],
    ['the first unchosen, without the batch', 10, false, [waits], 'behind'],
    ['a later one, with the batch: a gap', 11, true, [waits], 'behind'],
    ['a later one, without the batch', 11, false, [waits], 'behind'],
  ])('the settled of %s', (_, instance, implied, wants, state) => {
    const role = learner()
    expect(role.hear(settled(2, instance, implied))).toEqual(wants)
    expect(role.state).toBe(state)
    const isMore = instance >= 10
    expect(role.context).toMatchObject({
      highestHeard: Math.max(9, instance),
      ...(isMore && { peer: 2, informant: informant(2), target: instance + 1 }),
    })
    if (state === 'behind') expect(role.pass('grace')).toEqual([waited, ask(2), asking()])
  })

  test('what is settled and learned leaves nothing unsettled', () => {
    const role = learner()
    role.hear(settled(2, 10, true))
    const page: LearnerEvent = {
      type: 'chosen.read',
      to: 2,
      incarnation: foundingIncarnation(2),
      from: 11,
      batches: [],
    }
    expect(role.hear(page)).toEqual([
      send(2, { type: 'chosen', from: 11, batches: [], firstUnchosen: 11, unsettled: false }),
    ])
  })

  test.each(
    Object.keys(ways),
  )('%s: nothing twice and nothing out of order, though pages come again', (state) => {
    const role = learnerIn(state)
    const events = [
      chosen(1, 11, 13),
      chosen(2, 10, 11),
      chosen(2, 10, 11),
      chosen(1, 9, 12),
      chosen(1, 14, 16),
      { type: 'batch.chosen', instance: 11, batch: at(11) },
      chosen(1, 11, 13),
      heard(1, 14, true),
      heard(1, 14, true),
      chosen(2, 10, 16),
      chosen(1, 12, 15),
    ] satisfies LearnerEvent[]
    const wants: Want[] = []
    for (const event of events) {
      wants.push(...role.hear(event))
      if (role.timers.includes('grace')) wants.push(...role.pass('grace'))
    }
    while (role.context.firstUnchosen < 16) {
      const question = role.pass('askInterval').find(({ type }) => type === 'send')
      if (question?.type === 'send') wants.push(...role.hear(chosen(question.to, 9, 16)))
    }
    const done = wants.flatMap((want) => (want.type === 'execute' ? [[want.instance, want.batch]] : []))
    expect(done).toEqual(upTo(10, 16).map((chosen, offset) => [10 + offset, chosen]))
    const written = wants.flatMap((want) =>
      want.type === 'persist' && want.write.by === 'learner' ? want.write.chosen : [],
    )
    expect(written.map(({ instance }) => instance)).toEqual([10, 11, 12, 13, 14, 15])
    expect(role.context.firstUnchosen).toBe(16)
  })
})

describe('the interval', () => {
  const roundTripOf = (...samples: readonly number[]) =>
    samples.reduce<RoundTrip | null>((before, sample) => withSample(before, sample), null)

  test('follows the time from a question to the page that answers it', () => {
    const role = learner()
    role.hear({ ...behind(16, 1), atMs: 1_000 })
    const wants = role.hear({ ...chosen(1, 10, 12, { firstUnchosen: 16 }), atMs: 1_040 })
    expect(role.context.roundTrip).toEqual(roundTripOf(40))
    expect(wants).toContainEqual(asking(40 + 40))
    role.hear({ ...chosen(1, 12, 14, { firstUnchosen: 16 }), atMs: 1_060 })
    expect(role.context.roundTrip).toEqual(roundTripOf(40, 20))
  })

  test.each<[title: string, news: LearnerEvent]>([
    ['an accept', heard(1, 14)],
    ['a hint', chosen(1, 10, 14)],
  ])('is measured from the end of the grace that began with %s', (_, news) => {
    const role = learner()
    role.hear({ ...news, atMs: 1_000 } as LearnerEvent, { ...heard(2, 13), atMs: 1_004 })
    role.pass('grace')
    role.hear({ ...chosen(1, 10, 12, { firstUnchosen: 14 }), atMs: 1_000 + timing.graceMs + 30 })
    expect(role.context.roundTrip).toEqual(roundTripOf(30))
  })

  test('is not measured from a notice without a time', () => {
    const role = learner()
    role.hear({ ...behind(14, 1), atMs: null })
    role.hear({ ...chosen(1, 10, 12, { firstUnchosen: 14 }), atMs: 1_040 })
    expect(role.context.roundTrip).toBeNull()
  })

  test('is not measured with a page of another server than the one that was asked', () => {
    const role = learner()
    role.hear({ ...behind(14, 2), atMs: 1_000 }, { ...behind(13, 1), atMs: 1_000 })
    role.hear({ ...chosen(1, 10, 12, { firstUnchosen: 14 }), atMs: 1_040 })
    expect(role.context.roundTrip).toBeNull()
  })

  test('stays doubled after a repeated question, until a question is answered before its repetition', () => {
    const role = learner()
    role.hear({ ...behind(16, 1), atMs: 1_000 })
    role.pass('askInterval')
    role.hear({ ...chosen(2, 10, 12, { firstUnchosen: 16 }), atMs: 1_070 })
    expect(role.context.roundTrip).toEqual(withoutSample(null, timing.retransmitMs))
    role.hear({ ...chosen(2, 12, 14, { firstUnchosen: 16 }), atMs: 1_100 })
    expect(role.context.roundTrip).toEqual(withSample(withoutSample(null, timing.retransmitMs), 30))
  })
})

describe('an informant', () => {
  test('is asked at once when the server that was asked in turn knows nothing new', () => {
    const role = learner()
    role.hear(behind(14, 2))
    expect(said(role.pass('askInterval'))).toEqual([ask(1)])
    expect(role.hear(chosen(1, 10, 10))).toEqual([asked, ask(2), asking(120)])
    expect(role.context).toMatchObject({ peer: 2, tries: 1, target: 14 })
    // Its own answer without news starts no other question.
    expect(role.hear(chosen(2, 10, 10))).toEqual([])
  })

  test('is not asked because of the answer of a server that was not asked last', () => {
    const role = learner({ members: members(5) })
    role.hear(behind(14, 4))
    role.pass('askInterval')
    const { peer } = role.context
    const other = [1, 2, 3].find((id) => id !== peer) ?? 0
    expect(role.hear(chosen(other, 10, 10))).toEqual([])
    expect(role.context.peer).toBe(peer)
  })
})

describe('telling others', () => {
  const page = (from: number, end: number): LearnerEvent => ({
    type: 'chosen.read',
    to: 2,
    incarnation: foundingIncarnation(2),
    from,
    batches: upTo(from, end),
  })
  const read = (from: number) => ({ type: 'read', from, to: 2, incarnation: foundingIncarnation(2) }) as const
  const tells = (from: number, end: number, unsettled: boolean) =>
    send(2, { type: 'chosen', from, batches: upTo(from, end), firstUnchosen: 10, unsettled })

  test.each(Object.keys(ways))('what is asked for is read, and then sent: %s', (state) => {
    const role = learnerIn(state)
    expect(role.hear({ type: 'learn', from: 7, ...sentBy(2) })).toEqual([read(7)])
    expect(role.hear(page(7, 9))).toEqual([tells(7, 9, state === 'behind')])
    expect(role.state).toBe(state)
  })

  test.each<[highestHeard: number, unsettled: boolean]>([
    [-1, false],
    [9, false],
    [10, true],
    [11, true],
  ])('having heard of accepts up to %i, it says unsettled: %s', (highestHeard, unsettled) => {
    expect(learner({ highestHeard }).hear(page(10, 10))).toEqual([tells(10, 10, unsettled)])
  })

  test('with nothing new it still answers: an answer is what an inquiry counts', () => {
    const role = learner()
    expect(role.hear({ type: 'learn', from: 25, ...sentBy(2) })).toEqual([read(25)])
    expect(role.hear(page(25, 25))).toEqual([tells(25, 25, false)])
  })
})

describe('behind', () => {
  test('what is on its way gets a moment; then the sender of the latest accept is asked', () => {
    const role = learner()
    expect(role.hear(heard(2, 12))).toEqual([waits])
    expect(role.hear(heard(1, 11))).toEqual([])
    expect(role.pass('grace')).toEqual([waited, ask(2), asking()])
    expect(role.state).toBe('catchingUp')
  })

  test('nobody is asked when it arrives in that moment', () => {
    const role = learnerIn('behind')
    expect(role.hear(heard(1, 11, true), settled(1, 11, true))).toEqual([...implied(10), ...implied(11)])
    expect(role.hear({ type: 'batch.chosen', instance: 12, batch: at(12) })).toEqual(learned(12, 13))
    expect(role.hear(heard(1, 14, true))).toEqual([...implied(13), waited])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  })

  test('a proposer that needs it waits for no moment', () => {
    const role = learnerIn('behind')
    expect(role.hear(behind(13, 2))).toEqual([waited, ask(1), asking()])
    expect(role.state).toBe('catchingUp')
    expect(role.context).toMatchObject({ target: 14, peer: 1 })
  })

  test('a batch that does not reach what it heard of leaves it behind', () => {
    const role = learnerIn('behind')
    expect(role.hear(settled(1, 10, true))).toEqual(implied(10))
    expect(role.state).toBe('behind')
    expect(role.pass('grace')).toEqual([waited, ask(1, 11), asking()])
  })
})

describe('following', () => {
  test.each<[firstUnchosen: number, wants: Want[], state: string]>([
    [9, [asking(), asked], 'following'],
    [10, [asking(), asked], 'following'],
    [11, [ask(2), asking()], 'catchingUp'],
    [20, [ask(2), asking()], 'catchingUp'],
  ])('that somebody knows what was chosen below %i', (firstUnchosen, wants, state) => {
    const role = learner()
    expect(role.hear(behind(firstUnchosen, 2))).toEqual(wants)
    expect(role.state).toBe(state)
    expect(role.timers).toEqual(state === 'following' ? [] : ['askInterval'])
  })

  test('what a peer says that it knows makes it behind', () => {
    const role = learner()
    expect(role.hear(chosen(2, 10, 12, { firstUnchosen: 15 }))).toEqual([waits])
    expect(role.context).toMatchObject({ firstUnchosen: 10, target: 15 })
    expect(role.pass('grace')).toEqual([waited, ask(2), asking()])
  })
})

describe('catching up', () => {
  test('asks for page after page, each as soon as the one before has come, until it knows all', () => {
    const role = learner()
    expect(role.hear(behind(16, 1))).toEqual([ask(1), asking()])
    expect(role.hear(chosen(1, 10, 12, { firstUnchosen: 16 }))).toEqual([
      asked,
      ask(1, 12),
      ...learned(10, 12),
      askingSoon,
    ])
    expect(role.hear(chosen(1, 12, 14, { firstUnchosen: 17 }))).toEqual([
      asked,
      ask(1, 14),
      ...learned(12, 14),
      askingSoon,
    ])
    expect(role.hear(chosen(1, 14, 16, { firstUnchosen: 17 }))).toEqual([
      asked,
      ask(1, 16),
      ...learned(14, 16),
      askingSoon,
    ])
    expect(role.hear(chosen(1, 16, 17))).toEqual([asked, ...learned(16, 17), askingSoon, asked])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  })

  test.each<[title: string, from: number, end: number]>([
    ['above a gap', 12, 14],
    ['that it knows', 8, 10],
    ['that is empty', 10, 10],
  ])('a page %s is no page: nothing is learned, and nobody is asked again for it', (_, from, end) => {
    const role = learnerIn('catchingUp')
    expect(role.hear(chosen(2, from, end))).toEqual([])
    expect(role.state).toBe('catchingUp')
    expect(role.timers).toEqual(['askInterval'])
    expect(role.context).toMatchObject({ firstUnchosen: 10, target: 14, peer: 1 })
  })

  test.each<[title: string, knows: number, peer: NodeId]>([
    ['knows more: it is asked for the next page', 13, 1],
    ['knows no more: the one that was asked last is asked again', 12, 2],
  ])('a page of another server that was asked before, and that %s', (_, knows, peer) => {
    const role = learnerIn('catchingUp')
    expect(said(role.pass('askInterval'))).toEqual([ask(2)])
    expect(role.hear(chosen(1, 10, 12, { firstUnchosen: knows }))).toEqual([
      asked,
      ...(peer === 1 ? [ask(1, 12), ...learned(10, 12)] : [...learned(10, 12), ask(2, 12)]),
      asking(120),
    ])
  })

  test.each<[knows: number, peer: NodeId]>([
    [13, 1],
    [14, 1],
    [15, 2],
  ])('that another server knows what was chosen below %i: it turns to server %i', (knows, peer) => {
    const role = learnerIn('catchingUp')
    expect(role.hear(behind(knows, 2))).toEqual([])
    expect(role.context.peer).toBe(peer)
  })

  test('pages out of order: the later one is asked for again once it is its turn', () => {
    const role = learnerIn('catchingUp')
    expect(role.hear(chosen(1, 12, 14))).toEqual([])
    expect(role.hear(chosen(1, 10, 12, { firstUnchosen: 14 }))).toEqual([
      asked,
      ask(1, 12),
      ...learned(10, 12),
      askingSoon,
    ])
    expect(role.hear(chosen(1, 12, 14))).toEqual([asked, ...learned(12, 14), askingSoon, asked])
  })

  test('a silent peer is left for the next one, round and round, with longer waits up to a limit', () => {
    const role = learnerIn('catchingUp')
    expect(role.pass('askInterval')).toEqual([asked, ask(2), asking(120)])
    expect(role.pass('askInterval')).toEqual([asked, ask(1), asking(200)])
    expect(role.pass('askInterval')).toEqual([asked, ask(2), asking(200)])
    expect(role.hear(chosen(2, 10, 11, { firstUnchosen: 14 }))).toEqual([
      asked,
      ask(2, 11),
      ...learned(10, 11),
      asking(120),
    ])
  })

  test('does not ask a server that is not counted: its directory is not known, so anybody could answer for it', () => {
    const role = learnerIn('catchingUp', { members: [member(0), member(1), member(5, null), member(6)] })
    expect(role.pass('askInterval')).toEqual([asked, ask(6), asking(120)])
    expect(role.pass('askInterval')).toEqual([asked, ask(1), asking(200)])
  })

  test('asks the server that showed more, though it is no member that it knows: those may be gone', () => {
    const role = learner({ members: [member(1)] })
    expect(role.hear(behind(14, 7))).toEqual([askStranger(7), asking()])
    expect(role.pass('askInterval')).toEqual([asked, ask(1), asking(120)])
    expect(role.pass('askInterval')).toEqual([asked, askStranger(7), asking(200)])
  })

  test('does not ask one that was removed', () => {
    const role = learnerIn('catchingUp')
    expect(role.hear({ type: 'members.changed', members: [member(0), member(2), member(3)] })).toEqual([])
    expect(role.pass('askInterval')).toEqual([asked, ask(2), asking(120)])
    expect(role.pass('askInterval')).toEqual([asked, ask(3), asking(200)])
  })

  test('never asks itself, and finds no peer where there is none', () => {
    const role = learner({ members: members(1) })
    expect(role.hear(behind(12, 0))).toEqual([asking()])
    expect(role.pass('askInterval')).toEqual([asked, asking(120)])
  })

  test('hears of more to learn while it learns, from a server that knows it', () => {
    const role = learnerIn('catchingUp')
    expect(role.hear(behind(12, 2))).toEqual([])
    expect(role.context.target).toBe(14)
    expect(role.hear(behind(18, 2))).toEqual([])
    expect(role.context).toMatchObject({ target: 18, peer: 2 })
    expect(role.hear(heard(1, 20))).toEqual([])
    expect(role.context).toMatchObject({ target: 20, peer: 1 })
  })

  test('ends with what comes otherwise', () => {
    const role = learner()
    role.hear(behind(12, 1))
    expect(role.hear({ type: 'batch.chosen', instance: 10, batch: at(10) })).toEqual(learned(10, 11))
    expect(role.hear(heard(2, 12, true))).toEqual([...implied(11), asked])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  })

  test('an inquiry is no use in it', () => {
    expect(learnerIn('catchingUp').hear(newsWanted)).toEqual([])
    expect(learnerIn('behind').hear(newsWanted)).toEqual([])
  })
})

describe('an inquiry', () => {
  test('asks everybody, and ends when a quorum, itself among it, has no news', () => {
    const role = learner({ members: members(5) })
    expect(role.hear(newsWanted)).toEqual([ask(1), ask(2), ask(3), ask(4), inquires])
    expect(role.hear(chosen(1, 10, 10))).toEqual([])
    expect(role.hear(chosen(1, 10, 10))).toEqual([])
    expect(role.state).toBe('inquiring')
    expect(role.hear(chosen(4, 10, 10))).toEqual([inquired, newsChecked])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
  })

  test('does not ask a member that is not counted, and takes nothing from it', () => {
    const role = learner({ members: [member(0), member(1), member(2), member(3, null)] })
    expect(role.hear(newsWanted)).toEqual([ask(1), ask(2), inquires])
    expect(role.hear({ ...chosen(3, 10, 12), knowsUs: false })).toEqual([])
    expect(role.context).toMatchObject({ firstUnchosen: 10, answered: [0] })
    expect(role.hear(chosen(2, 10, 10))).toEqual([inquired, newsChecked])
  })

  test('in a cluster of one ends at once', () => {
    const role = learner({ members: members(1) })
    expect(role.hear(newsWanted)).toEqual([inquires, inquired, newsChecked])
    expect(role.state).toBe('following')
  })

  test('ends without a word when no quorum answers in time', () => {
    const role = learner({ members: members(5) })
    role.hear(newsWanted, chosen(1, 10, 10))
    expect(role.pass('inquiryPatience')).toEqual([inquired])
    expect(role.state).toBe('following')
    expect(role.hear(newsWanted)).toEqual([ask(1), ask(2), ask(3), ask(4), inquires])
    expect(role.hear(chosen(4, 10, 10))).toEqual([])
    expect(role.context.answered).toEqual([0, 4])
  })

  test('asked for twice is one', () => {
    expect(learnerIn('inquiring').hear(newsWanted)).toEqual([])
  })

  test('that brings all of the news ends with it, and with a quorum', () => {
    const role = learnerIn('inquiring')
    expect(role.hear(chosen(1, 10, 12))).toEqual([...learned(10, 12), inquired, newsChecked])
    expect(role.context.firstUnchosen).toBe(12)
  })

  test('that shows that there is more goes on to learn it, and says nothing of news', () => {
    const role = learnerIn('inquiring')
    expect(role.hear(chosen(1, 10, 12, { firstUnchosen: 16 }))).toEqual([
      ...learned(10, 12),
      inquired,
      ask(1, 12),
      asking(),
    ])
    expect(role.state).toBe('catchingUp')
  })

  test.each<[title: string, event: LearnerEvent]>([
    ['an accept is heard', heard(2, 12)],
    ['the proposer needs it', behind(12, 2)],
  ])('goes on to catch up when %s', (_, event) => {
    expect(learnerIn('inquiring').hear(event)).toEqual([inquired, ask(2), asking()])
  })
})

describe('what is accepted and abandoned', () => {
  const patienceMs = timing.leaderPatienceMs
  /** The answer of a server that accepted something above what it knows. */
  const unsettled = (atMs: number, sender: NodeId = 1, end = 10) =>
    chosen(sender, end, end, { unsettled: true, atMs })
  const settled = (atMs: number, sender: NodeId = 1) => chosen(sender, 10, 10, { atMs })
  /** Whether an inquiry with these answers has its proposer settle the batch. */
  const settles = (role: Role<LearnerContext>, ...answers: readonly LearnerEvent[]): boolean =>
    said(role.hear(newsWanted, ...answers)).some((want) => want.type === 'tell' && want.role === 'proposer')

  test('is settled when inquiries find it for as long as a leader may be silent, and not before', () => {
    const role = learner()
    role.hear(newsWanted)
    expect(role.hear(unsettled(1_000))).toEqual([inquired, newsChecked])
    role.hear(newsWanted)
    expect(role.hear(unsettled(1_003)), 'two clients ask again').toEqual([inquired, newsChecked])
    role.hear(newsWanted)
    expect(role.hear(unsettled(1_000 + patienceMs - 1))).toEqual([inquired, newsChecked])
    role.hear(newsWanted)
    expect(role.hear(unsettled(1_000 + patienceMs))).toEqual([inquired, settle, newsChecked])
    expect(role.timers, 'nothing is left to wait for').toEqual([])
  })

  test('is settled again after twice the time, and so on, when that was in vain', () => {
    const role = learner()
    const atMs = [0, 250, 500, 749, 750, 1_749, 1_750, 5_000, 20_000]
    expect(atMs.filter((ms) => settles(role, unsettled(ms)))).toEqual([250, 750, 1_750, 5_000, 20_000])
  })

  test('is settled later where round trips are long', () => {
    const role = learner({ timing: { ...timing, retransmitMs: 190 } })
    expect([0, 569, 570].filter((ms) => settles(role, unsettled(ms)))).toEqual([570])
  })

  test('may be known to this server alone', () => {
    const role = learner({ highestHeard: 10 })
    expect(settles(role, settled(0))).toBe(false)
    expect(settles(role, settled(patienceMs))).toBe(true)
  })

  test('in a cluster of one is its own, and no other proposer is at work', () => {
    const role = learner({ members: members(1), highestHeard: 10 })
    expect(role.hear(newsWanted)).toEqual([inquires, inquired, newsChecked])
    expect(role.hear(newsWanted)).toEqual([inquires, inquired, settle, newsChecked])
  })

  test('may be known to one of the quorum, in any order of answers', () => {
    const role = learner({ members: members(5) })
    expect(settles(role, unsettled(0, 3), settled(1))).toBe(false)
    expect(settles(role, unsettled(patienceMs, 4), settled(patienceMs + 1))).toBe(true)
  })

  test('at another instance is another thing: somebody is at work', () => {
    const role = learner()
    expect(settles(role, unsettled(0))).toBe(false)
    role.hear({ type: 'batch.chosen', instance: 10, batch: at(10) })
    expect(settles(role, unsettled(patienceMs, 1, 11))).toBe(false)
    expect(settles(role, unsettled(2 * patienceMs, 1, 11))).toBe(true)
  })

  test('is another thing after an inquiry that found nothing: a leader may have begun since', () => {
    const role = learner()
    expect(settles(role, unsettled(0))).toBe(false)
    expect(settles(role, settled(100))).toBe(false)
    expect(settles(role, unsettled(patienceMs))).toBe(false)
    expect(settles(role, unsettled(2 * patienceMs))).toBe(true)
  })

  test('is not settled by inquiries that no quorum answered', () => {
    const role = learner({ members: members(5) })
    for (const round of [1, 2, 3]) {
      role.hear(newsWanted, unsettled(round * patienceMs))
      expect(role.pass('inquiryPatience')).toEqual([inquired])
    }
    expect(role.context.unsettledSince).toBeNull()
  })

  test('is forgotten by the next inquiry: each asks anew', () => {
    const role = learner()
    role.hear(newsWanted, unsettled(0), newsWanted)
    expect(role.hear(settled(patienceMs))).toEqual([inquired, newsChecked])
  })

  test('at any times: a leader has its time, and what is abandoned is settled by the first inquiry after that', () => {
    const inquiry = fc.record({
      afterMs: fc.integer({ min: 0, max: 400 }),
      isUnsettled: fc.oneof({ weight: 7, arbitrary: fc.constant(true) }, fc.constant(false)),
      advances: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    })
    fc.assert(
      fc.property(fc.array(inquiry, { maxLength: 30, size: 'max' }), (inquiries) => {
        const role = learner()
        let [nowMs, instance] = [0, 10]
        let waits: { sinceMs: number; patienceMs: number } | null = null
        for (const { afterMs, isUnsettled, advances } of inquiries) {
          nowMs += afterMs
          if (advances) {
            role.hear({ type: 'batch.chosen', instance, batch: at(instance) })
            instance += 1
          }
          if (advances || !isUnsettled) waits = null
          const isDue = waits !== null && nowMs - waits.sinceMs >= waits.patienceMs
          const answer = chosen(1, instance, instance, { unsettled: isUnsettled, atMs: nowMs })
          expect(settles(role, answer)).toBe(isDue)
          expect(role.timers).toEqual([])
          if (!isUnsettled) continue
          if (waits === null) waits = { sinceMs: nowMs, patienceMs }
          else if (isDue) waits = { sinceMs: nowMs, patienceMs: Math.min(4_000, 2 * waits.patienceMs) }
        }
      }),
    )
  })
})

test('it takes the new members from the next inquiry on', () => {
  const role = learner()
  expect(role.hear({ type: 'members.changed', members: members(5) })).toEqual([])
  expect(role.hear(newsWanted)).toEqual([ask(1), ask(2), ask(3), ask(4), inquires])
  expect(role.hear(chosen(1, 10, 10))).toEqual([])
  expect(role.hear(chosen(2, 10, 10))).toEqual([inquired, newsChecked])
})

describe('whom it believes', () => {
  const uncalled = (sender: NodeId, end: number) => chosen(sender, 10, end)

  test.each(['following', 'behind'])('%s: what nobody asked for is only a hint', (state) => {
    const role = learnerIn(state)
    role.hear(uncalled(2, 15))
    expect(role.state).toBe('behind')
    expect(role.context).toMatchObject({ firstUnchosen: 10, target: 15, informant: informant(2) })
    // Asked for, it is taken.
    expect(role.pass('grace')).toEqual([waited, ask(2), asking()])
    role.hear(uncalled(2, 15))
    expect(role.context.firstUnchosen).toBe(15)
    expect(role.state).toBe('following')
  })

  test.each(Object.keys(ways))('%s: what a stranger sends is nothing at all', (state) => {
    const role = learnerIn(state)
    const before = role.context
    for (const [sender, incarnation] of [
      [77, 'stranger'],
      [1, 'an old directory'],
    ] as const) {
      const strange = { ...sentBy(sender, incarnation), knowsUs: false }
      expect(role.hear({ ...chosen(sender, 10, 14), ...strange })).toEqual([])
    }
    expect(role.context).toEqual(before)
    expect(role.state).toBe(state)
  })

  test('a server that it does not know, and that knows it, is asked: the members may have changed while it was away', () => {
    const role = learner()
    role.hear({ ...uncalled(5, 14), ...sentBy(5, 'new') })
    expect(role.context).toMatchObject({ firstUnchosen: 10, target: 14 })
    expect(role.pass('grace')).toEqual([waited, askStranger(5, 'new'), asking()])
    expect(role.hear({ ...uncalled(5, 14), ...sentBy(5, 'another'), knowsUs: false })).toEqual([])
    expect(role.hear({ ...uncalled(5, 14), ...sentBy(5, 'new') })).toEqual([
      asked,
      ...learned(10, 14),
      askingSoon,
      asked,
    ])
  })

  test('an answer of a member that came with another directory counts for no inquiry', () => {
    const role = learnerIn('inquiring')
    expect(role.hear({ ...chosen(1, 10, 10), ...sentBy(1, 'an old directory') })).toEqual([])
    expect(role.state).toBe('inquiring')
    expect(role.hear(chosen(1, 10, 10))).toEqual([inquired, newsChecked])
  })

  test('what was asked for before it knew all is asked for no more', () => {
    const role = learnerIn('catchingUp')
    role.hear(uncalled(1, 14))
    expect(role.state).toBe('following')
    expect(role.hear(chosen(1, 14, 16, { firstUnchosen: 14 }))).toEqual([])
    expect(role.context.firstUnchosen).toBe(14)
  })

  test('an instance that nobody can have come to makes nobody behind', () => {
    const role = learner()
    role.hear(heard(1, 10 + 2 ** 32 + 1), behind(10 + 2 ** 32 + 1, 1))
    expect(role.state).toBe('following')
    expect(role.context.target).toBe(10)
  })
})

describe('a way out', () => {
  test('a server that shows as much as was shown before is asked too: those before it may be gone', () => {
    const role = learner({ members: members(2) })
    role.hear(behind(14, 1))
    role.hear(behind(14, 2))
    expect(role.context).toMatchObject({ peer: 1, informant: informant(2) })
    expect(said(role.pass('askInterval'))).toEqual([askStranger(2)])
    expect(said(role.pass('askInterval'))).toEqual([ask(1)])
  })

  test('a target that nobody can show is given up after so many tries, and taken up when it is shown again', () => {
    const role = learnerIn('catchingUp')
    for (let tries = 0; tries < timing.patientTries; tries += 1) {
      expect(said(role.pass('askInterval'))).toEqual([ask(tries % 2 === 0 ? 2 : 1)])
    }
    expect(role.pass('askInterval')).toEqual([asked])
    expect(role.state).toBe('following')
    expect(role.timers).toEqual([])
    role.hear(behind(14, 2))
    expect(role.state).toBe('catchingUp')
    role.hear(chosen(2, 10, 14))
    expect(role.context.firstUnchosen).toBe(14)
  })
})

describe('history that is contradicted', () => {
  const flag = (sender: NodeId): Want => ({ type: 'flag', oddity: 'chosen', sender })
  const other = (sender: NodeId, name = 'another') =>
    chosen(sender, 9, 11, { batches: [batch(name), batch(`${name} too`)] })

  function afterTen(): Role<LearnerContext> {
    const role = learner({ firstUnchosen: 9, members: members(5) })
    role.hear({ type: 'batch.chosen', instance: 9, batch: at(9) }, newsWanted)
    expect(role.state).toBe('inquiring')
    return role
  }

  test('by one server: all that it says is dropped, and it is flagged, however often it says it', () => {
    const role = afterTen()
    expect(role.hear(other(1), other(1))).toEqual([flag(1), flag(1)])
    expect(role.context.firstUnchosen).toBe(10)
  })

  test('by several that do not agree, or are not counted: they are flagged', () => {
    const role = afterTen()
    role.hear(other(1), other(2, 'a third'))
    expect(role.hear(other(3))).toEqual([flag(3)])
    const strange = { ...sentBy(4, 'an old directory'), knowsUs: false }
    expect(role.hear({ ...other(4), ...strange })).toEqual([])
  })

  test('by a quorum that agrees: this server holds what was not chosen, and halts', () => {
    const role = afterTen()
    role.hear(other(1), other(2))
    expect(role.hear(other(3))).toEqual([
      flag(3),
      { type: 'halt', reason: expect.stringContaining('a quorum chose another batch at instance 9') },
    ])
  })

  test('by a server that is removed then: it counts no more', () => {
    const role = afterTen()
    role.hear(other(1), other(2))
    role.hear({ type: 'members.changed', members: [member(0), member(2), member(3)] })
    expect(role.context.contradiction?.by).toEqual([2])
    role.hear({ type: 'members.changed', members: [member(0), member(3)] })
    expect(role.context.contradiction).toBeNull()
  })

  test('by a quorum that accepted another batch of this server itself: it halts', () => {
    const role = afterTen()
    expect(role.hear({ type: 'batch.chosen', instance: 9, batch: batch('another') })).toEqual([
      { type: 'halt', reason: expect.stringContaining('instance 9') },
    ])
  })

  test('the same batch again, with its keys in any order, contradicts nothing', () => {
    const role = afterTen()
    const same = Object.fromEntries(Object.entries(at(9)).reverse()) as unknown as ReturnType<typeof at>
    expect(role.hear(chosen(2, 9, 10, { batches: [same] }))).toEqual([])
  })
})
