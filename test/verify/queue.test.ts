import { describe, expect, test } from 'vitest'
import type { RequestQueueEvent } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { Outcome, RequestOutcome } from '../../machines/outcome.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { Violation } from '../../src/core/violation.ts'
import { checkQueue } from '../../src/verify/queue.ts'
import { ask, queue as emptyQueue, groupOf, handedOverBy, leads } from '../support/request-queue.ts'
import { executed, members } from '../support/role.ts'

const outcome = (uid: string, of: RequestOutcome['outcome']): RequestOutcome => ({ uid, seq: 1, outcome: of })
const delayed = { kind: 'delayed', key: 'x' } as const
const done: Outcome = { kind: 'executed', result: null, instance: 1, index: 0 }

/** A queue that holds a delayed request of `a` and one of `b` that is to be proposed. */
function queue(queueRequests = defaultLimits.queueRequests) {
  const role = emptyQueue({ limits: { ...defaultLimits, queueRequests } })
  role.hear(ask('a'), executed(0, { outcomes: [outcome('a', delayed)] }), ask('b'))
  return role
}

/** True when the queue may be as `after` is, after `executions`. */
function isRight(
  before: RequestQueueContext,
  after: RequestQueueContext,
  executions: ReturnType<typeof executed>[],
): boolean {
  try {
    checkQueue(
      0,
      before,
      after,
      executions.flatMap(({ outcomes }) => outcomes),
    )
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(Violation)
    expect((error as Violation).invariant).toBe(9)
    return false
  }
}

describe('what is held is held until it has ended', () => {
  test.each<[string, RequestQueueEvent[]]>([
    ['a request is asked again', [ask('a'), ask('b')]],
    ['another comes', [ask('c')]],
    ['one is executed', [executed(1, { outcomes: [outcome('b', done)] })]],
    ['one is delayed', [executed(1, { outcomes: [outcome('b', delayed)] })]],
    ['one is woken', [executed(1, { freed: ['x'], progressed: true })]],
    [
      'one is cancelled',
      [executed(1, { outcomes: [outcome('a', { kind: 'cancelled', instance: 1, index: 0 })] })],
    ],
    ['one is refused', [executed(1, { outcomes: [outcome('a', { kind: 'refused', reason: 'stale' })] })]],
    ['all are handed over', [leads(1)]],
    [
      'a request that was handed over is executed',
      [leads(1), executed(1, { outcomes: [outcome('b', done)] })],
    ],
    [
      'a request that was handed over is delayed',
      [leads(1), executed(1, { outcomes: [outcome('b', delayed)] })],
    ],
    ['the leader leaves', [leads(1), { type: 'members.changed', members: members(1) }]],
    ['another server hands requests over', [handedOverBy(2, [groupOf('c', [1])])]],
    ['the server is no longer counted', [{ type: 'members.changed', members: members(3).slice(1) }]],
  ])('%s', (_, events) => {
    const role = queue()
    const before = role.context
    role.hear(...events)
    const executions = events.filter((event) => event.type === 'batch.executed')
    expect(isRight(before, role.context, executions)).toBe(true)
  })
})

test('where there is no room for another delayed request, it may be handed back', () => {
  const role = queue(1)
  const before = role.context
  const execution = executed(1, { outcomes: [outcome('b', delayed)] })
  role.hear(execution)
  expect(isRight(before, role.context, [execution])).toBe(true)
  expect(isRight(before, role.context, [])).toBe(false)
})

test('a request of another server need not be kept once it is delayed: that server keeps it', () => {
  const role = queue()
  role.hear(handedOverBy(2, [groupOf('c', [1])]))
  const before = role.context
  const execution = executed(1, { outcomes: [outcome('c', delayed)] })
  role.hear(execution)
  expect(isRight(before, role.context, [execution])).toBe(true)
  expect(isRight(before, role.context, [])).toBe(false)
})

describe('what is forgotten is found', () => {
  const before = queue().context

  test('a request that was handed over is in no line', () => {
    const role = queue()
    role.hear(leads(1))
    const after = { ...role.context, held: { ...role.context.held, handedOver: [] } }
    expect(isRight(before, after, [])).toBe(false)
  })

  test('a request that was handed over is gone', () => {
    const role = queue()
    role.hear(leads(1))
    const handed = role.context
    role.hear(executed(1, { outcomes: [outcome('b', done)] }))
    expect(isRight(handed, role.context, [])).toBe(false)
  })

  test('a delayed request is gone, though another one has been executed', () => {
    const role = queue()
    role.hear(executed(1, { outcomes: [outcome('a', done)] }))
    expect(isRight(before, role.context, [executed(1, { outcomes: [outcome('b', done)] })])).toBe(false)
  })

  test('a request that was delayed is gone', () => {
    const role = queue()
    role.hear(executed(1, { outcomes: [outcome('b', done)] }))
    expect(isRight(before, role.context, [executed(1, { outcomes: [outcome('b', delayed)] })])).toBe(false)
  })

  test('a delayed request waits for nothing', () => {
    const after = { ...before, held: { ...before.held, waiting: [] } }
    expect(isRight(before, after, [])).toBe(false)
  })

  test('a request that is to be proposed does not stand in the line', () => {
    const after = { ...before, held: { ...before.held, ready: [] } }
    expect(isRight(before, after, [])).toBe(false)
  })
})
