/** What a learner does with what was chosen. Server 0 of three, which knows everything below instance 10. */
import { describe, expect, test } from 'vitest'
import { type LearnerContext, learnerContext } from '../../machines/learner-context.ts'
import {
  aimedAt,
  contradictionAmong,
  contradicts,
  isLeaving,
  isSound,
  isTaken,
  learning,
  newsIn,
  nextPeer,
  targetIn,
} from '../../machines/learning.ts'
import { instanceStep } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { batch, informant, member, members, persist, sentBy, tell } from '../support/role.ts'

const [a, b, c] = [batch('a'), batch('b'), batch('c')]

function learner(changes: Partial<LearnerContext> = {}): LearnerContext {
  const input = {
    ...{ self: 0, members: members(3), timing: defaultTiming, limits: { snapshotEvery: 1_000 } },
    ...{ snapshot: null, requestsSince: 0, firstUnchosen: 10, highestHeard: -1 },
  }
  return { ...learnerContext(input), ...changes }
}

const page = (from: number, ...batches: (typeof a)[]) => ({ from, batches })

describe('the news in a page', () => {
  test.each([
    ['that begins where the learner is', page(10, a, b), [a, b]],
    ['that begins below', page(9, a, b, c), [b, c]],
    ['of which all is known', page(8, a, b), []],
    ['that begins above: between them is a gap', page(11, a), []],
    ['that is empty', page(10), []],
  ])('%s', (_, shown, news) => {
    expect(newsIn(learner(), shown)).toEqual(news)
  })
})

test('a page contradicts when it shows another batch at the last instance that was learned', () => {
  const context = learner({ lastChosen: a })
  expect(contradicts(context, page(9, b))).toBe(true)
  expect(contradicts(context, page(9, a, b))).toBe(false)
  expect(contradicts(context, page(10, b))).toBe(false)
  expect(contradicts(learner(), page(9, b))).toBe(false)
})

test('what is learned is persisted first, and executed in order', () => {
  const { changes, outputs } = learning(learner({ tries: 3 }), page(9, a, b, c), { tellsAcceptor: true })
  expect(changes).toEqual({
    ...{ firstUnchosen: 12, lastChosen: c, contradiction: null, tries: 0 },
    ...{ requestsSince: 2, isDrawing: false },
  })
  const chosen = [
    { instance: 10, batch: b },
    { instance: 11, batch: c },
  ]
  expect(outputs).toEqual([
    persist({ by: 'learner', chosen }),
    tell('acceptor', { type: 'firstUnchosen.advanced', firstUnchosen: 12 }),
    { type: 'execute', instance: 10, batch: b },
    { type: 'execute', instance: 11, batch: c },
  ])
  expect(learning(learner(), page(9, a), { tellsAcceptor: true })).toEqual({ changes: null, outputs: [] })
})

test('the acceptor is not told what it concluded itself', () => {
  const { outputs } = learning(learner(), page(10, b), { tellsAcceptor: false })
  expect(outputs).toEqual([
    persist({ by: 'learner', chosen: [{ instance: 10, batch: b }] }),
    { type: 'execute', instance: 10, batch: b },
  ])
})

describe('where to catch up to', () => {
  const context = learner({ target: 12, informant: informant(1) })
  test.each([
    ['no further than it is', 10, {}],
    ['less far than it knows to go', 11, {}],
    ['as far: another server to ask', 12, { informant: informant(2) }],
    ['further', 13, { target: 13, peer: 2, informant: informant(2), tries: 0 }],
    ['further than any cluster can be', 10 + instanceStep + 1, {}],
  ])('%s', (_, firstUnchosen, changes) => {
    expect(aimedAt(context, { firstUnchosen, informant: informant(2) })).toEqual(changes)
  })
})

describe('the next peer', () => {
  test.each<[title: string, changes: Partial<LearnerContext>, peer: number]>([
    ['is the informant, if it was not asked', { peer: 1, informant: informant(7) }, 7],
    ['is the next member', { peer: 1 }, 2],
    ['is the first member after the last', { peer: 2 }, 1],
    ['is the informant after the last member', { peer: 2, informant: informant(7), asked: [7] }, 7],
    ['is the first member after the informant', { peer: 7, informant: informant(7), asked: [7] }, 1],
  ])('%s', (_, changes, peer) => {
    expect(nextPeer(learner(changes))).toBe(peer)
  })
})

test('a server that is counted no more contradicts no more', () => {
  const contradiction = { batch: a, by: [1, 2] }
  const without = [member(0), member(1)]
  expect(contradictionAmong(learner({ contradiction }), without)).toEqual({ batch: a, by: [1] })
  expect(contradictionAmong(learner({ contradiction: { batch: a, by: [2] } }), without)).toBeNull()
  expect(contradictionAmong(learner(), without)).toBeNull()
})

test('an informant leaves when it was a member and is none', () => {
  const without = [member(0), member(1)]
  expect(isLeaving(learner({ informant: informant(2) }), without)).toBe(true)
  expect(isLeaving(learner({ informant: informant(1) }), without)).toBe(false)
  expect(isLeaving(learner({ informant: informant(7) }), without)).toBe(false)
})

describe('a page is taken', () => {
  const chosen = { type: 'chosen', ...page(10, a), firstUnchosen: 11, unsettled: false } as const
  test.each([
    ['from a server that was asked', { asked: [1] }, sentBy(1), true],
    ['from nobody else', { asked: [2] }, sentBy(1), false],
    ['from no other directory', { asked: [1] }, sentBy(1, 'another'), false],
    ['unasked from no member', {}, sentBy(1), false],
    ['unasked from no other server', {}, sentBy(7), false],
  ])('%s', (_, changes, by, taken) => {
    expect(isTaken(learner(changes), { ...chosen, ...by })).toBe(taken)
  })

  test('and learned from if it does not contradict what is known', () => {
    const context = learner({ asked: [1], lastChosen: a })
    expect(isSound(context, { ...chosen, ...sentBy(1) })).toBe(true)
    expect(isSound(context, { ...chosen, ...page(9, b), ...sentBy(1) })).toBe(false)
    expect(isSound(context, { ...chosen, ...sentBy(2) })).toBe(false)
  })
})

test('a page and a notice name a server that knows more', () => {
  const target = { firstUnchosen: 12, informant: informant(2) }
  expect(targetIn({ type: 'behind.noticed', ...target, atMs: 0 })).toEqual(target)
  const chosen = { type: 'chosen', ...page(10, a), firstUnchosen: 12, unsettled: false } as const
  expect(targetIn({ ...chosen, ...sentBy(2) })).toEqual(target)
})
