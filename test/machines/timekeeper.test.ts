import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { TimekeeperEvent } from '../../machines/inbox.ts'
import { foundingIncarnation } from '../../machines/members.ts'
import { type TimekeeperContext, type TimekeeperInput, timekeeperMachine } from '../../machines/timekeeper.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { cancel, member, members, Role, tell, timer, type Want } from '../support/role.ts'

const { deadlineGraceMs } = defaultTiming

function timekeeper(given: Partial<TimekeeperInput> = {}): Role<TimekeeperContext> {
  const self = given.self ?? 0
  return new Role(timekeeperMachine, {
    self,
    incarnation: foundingIncarnation(self),
    members: members(3),
    timing: defaultTiming,
    firstInTurn: 0,
    dueInMs: null,
    ...given,
  })
}

const due = (dueInMs: number | null, proposedBy = 0): TimekeeperEvent => ({
  type: 'deadline.reckoned',
  dueInMs,
  proposedBy,
})
/** Whether this server missed an execution. */
const news: Want = tell('learner', { type: 'news.wanted' })
const asks: Want = tell('requestQueue', { type: 'time.wanted' })

describe('without a deadline', () => {
  test('nothing runs, whatever else happens', () => {
    const role = timekeeper()
    expect(role.began).toEqual([])
    expect(role.hear(due(null), due(null, 1), { type: 'members.changed', members: members(5) })).toEqual([])
    expect(role.state).toBe('idle')
    expect(role.timers).toEqual([])
  })

  test('a wait ends when the deadline is gone', () => {
    const role = timekeeper({ dueInMs: 100 })
    expect(role.hear(due(null))).toEqual([cancel('wait')])
    expect(role.state).toBe('idle')
  })
})

describe('a deadline', () => {
  test('of before the start is waited for', () => {
    const role = timekeeper({ dueInMs: 70 })
    expect(role.began).toEqual([timer('wait', 70)])
    expect(role.state).toBe('waiting')
  })

  test('that passes makes the leader ask at once, and once', () => {
    const role = timekeeper()
    expect(role.hear(due(100))).toEqual([timer('wait', 100)])
    expect(role.pass('wait')).toEqual([cancel('wait'), timer('turn', 0)])
    expect(role.pass('turn')).toEqual([cancel('turn'), asks])
    expect(role.state).toBe('proposing')
    expect(role.timers).toEqual([])
  })

  test('is reckoned anew at each execution', () => {
    const role = timekeeper({ dueInMs: 100 })
    expect(role.hear(due(80))).toEqual([cancel('wait'), timer('wait', 80)])
    role.pass('wait')
    role.pass('turn')
    expect(role.hear(due(30)), 'an execution that left some time').toEqual([timer('wait', 30)])
    role.pass('wait')
    expect(role.hear(due(500)), 'another server proposed').toEqual([cancel('turn'), timer('wait', 500)])
  })

  test('may be further away than a timer of Node.js reaches', () => {
    const role = timekeeper({ dueInMs: 2 ** 31 + 5 })
    expect(role.began).toEqual([timer('wait', 2 ** 30)])
    expect(role.pass('wait')).toEqual([cancel('wait'), timer('wait', 2 ** 30)])
    expect(role.pass('wait')).toEqual([cancel('wait'), timer('wait', 5)])
    expect(role.pass('wait')).toEqual([cancel('wait'), timer('turn', 0)])
  })
})

describe('whose turn it is', () => {
  test.each<[title: string, self: NodeId, last: NodeId | null, turns: number]>([
    ['first the one that proposed last', 2, 2, 0],
    ['then the first of the others', 0, 2, 1],
    ['and the next', 1, 2, 2],
    ['if none is known, the first of all', 0, null, 0],
    ['and the next', 1, null, 1],
    ['the one that proposed last is not counted among those below', 2, 1, 2],
    ['the one that proposed last is no member any more', 0, 7, 0],
  ])('%s', (_, self, firstInTurn, turns) => {
    const role = timekeeper({ self, firstInTurn, dueInMs: 0 })
    const first = turns === 0 ? [] : [news]
    expect(role.pass('wait')).toEqual([cancel('wait'), ...first, timer('turn', turns * deadlineGraceMs)])
  })

  test('the last execution and the members at the deadline decide', () => {
    const role = timekeeper({ self: 2, firstInTurn: 0, dueInMs: 10 })
    role.hear(due(10, 1), { type: 'members.changed', members: members(3).slice(1) })
    expect(role.pass('wait')).toEqual([cancel('wait'), news, timer('turn', deadlineGraceMs)])
  })

  test('a server that proposed its own removal does not look again at once', () => {
    const role = timekeeper({ self: 0, firstInTurn: 0, dueInMs: 10 })
    role.hear({ type: 'members.changed', members: [member(1), member(2)] })
    expect(role.pass('wait')).toEqual([cancel('wait'), news, timer('turn', deadlineGraceMs)])
    expect(role.pass('turn')).toEqual([cancel('turn'), timer('turn', deadlineGraceMs)])
  })

  test('a server that is not counted asks for nothing, and waits for what others do', () => {
    const role = timekeeper({ self: 1, dueInMs: 10 })
    role.hear({ type: 'members.changed', members: [member(0), member(1, 'another'), member(2)] })
    expect(role.pass('wait')).toEqual([cancel('wait'), news, timer('turn', deadlineGraceMs)])
    expect(role.pass('turn')).toEqual([cancel('turn'), timer('turn', deadlineGraceMs)])
    expect(role.state).toBe('yielding')
    role.hear({ type: 'members.changed', members: members(3) })
    expect(role.pass('turn')).toEqual([cancel('turn'), asks])
  })
})
