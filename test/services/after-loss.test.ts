/** A replica that goes on from an old state: numbers of what was lost do not come twice, and the rest stays. */
import { describe, expect, test } from 'vitest'
import { foundingMembers } from '../../machines/members.ts'
import { knownService } from '../../src/services/known.ts'
import { Replica } from '../../src/services/replica.ts'
import { lostNumbers, type Service } from '../../src/services/service.ts'
import { ask, body, lock, lockedBy, newReplica, opened, outcomesOf, run, unlock } from './driver.ts'

const newMembers = foundingMembers([{ id: 5, address: 'new:5' }])
const kv = knownService('kv') as Service

/** The replica after a backup and its restoration. */
function anew(replica: Replica, service?: Service): Replica {
  const after = service === undefined ? replica : Replica.restore(service, replica.snapshot())
  after.beginAnew(newMembers)
  return after
}

describe('locks', () => {
  test('the holder and its token stay, and the next token is above all that can have been granted', () => {
    const replica = anew(lockedBy('a@0'))
    const [held] = outcomesOf(replica, [ask('b@0', 1, body({ action: 'query' }))])
    expect(held).toMatchObject({ result: { locks: [{ name: 'x', holders: [{ token: 1 }] }] } })
    const [granted] = outcomesOf(replica, [ask('b@0', 2, lock('y'))])
    expect(granted).toMatchObject({ result: { token: lostNumbers + 2 } })
  })

  test('a request that waits stays in its place', () => {
    const replica = lockedBy('a@0')
    run(replica, [ask('b@0', 1, lock('x'))])
    anew(replica)
    run(replica, [ask('a@0', 2, unlock('x'))])
    expect(outcomesOf(replica, [ask('b@0', 1, lock('x'))])).toMatchObject([
      { result: { token: lostNumbers + 2 } },
    ])
  })
})

test('a retry is recognised: the result is that of before, with its token', () => {
  const replica = anew(lockedBy('a@0'))
  const { ended } = replica.recall('a@0', [{ seq: 1, command: lock('x') }])
  expect(ended).toMatchObject([{ seq: 1, outcome: { kind: 'executed', result: { token: 1 } } }])
  expect(outcomesOf(replica, [ask('a@0', 1, lock('x'))])).toMatchObject([{ result: { token: 1 } }])
})

test('a session that lived goes on to its deadline', () => {
  const replica = newReplica()
  const uid = opened(replica, 'client', 10_000)
  run(replica, [ask(uid, 2, lock('x'))])
  anew(replica)
  expect(replica.deadlineMs).toBe(10_000)
  run(replica, [], { clockMs: 10_000 })
  expect(outcomesOf(replica, [ask('b@0', 1, lock('x'))])).toMatchObject([{ kind: 'executed' }])
})

test('the members are the new ones alone', () => {
  const replica = anew(newReplica())
  expect(replica.members).toEqual(newMembers)
  expect(Replica.restore(knownService('lock') as Service, replica.snapshot()).members).toEqual(newMembers)
})

describe('the key-value store', () => {
  test('a version of a lost change does not come again, and a watch that saw one begins anew', () => {
    const replica = newReplica(kv)
    run(replica, [ask('a@0', 1, body({ action: 'put', key: 'k', value: 1 }))])
    anew(replica)
    // The lost cluster went on to version 2 with another value.
    expect(outcomesOf(replica, [ask('a@0', 2, body({ action: 'watch', key: 'k', after: 2 }))])).toMatchObject(
      [{ result: { missed: true } }],
    )
    expect(outcomesOf(replica, [ask('a@0', 3, body({ action: 'put', key: 'k', value: 'x' }))])).toMatchObject(
      [{ result: { version: lostNumbers + 2 } }],
    )
    const set = body({ action: 'compareAndSet', key: 'k', version: 2, value: 'y' })
    expect(outcomesOf(replica, [ask('a@0', 4, set)])).toMatchObject([{ result: { set: false } }])
    expect(
      outcomesOf(replica, [ask('a@0', 5, body({ action: 'watch', key: 'k', after: lostNumbers + 1 }))]),
    ).toMatchObject([{ result: { missed: false, changes: [{ value: 'x' }] } }])
  })

  test('an entry keeps its version, so what was read before can be replaced', () => {
    const replica = newReplica(kv)
    run(replica, [ask('a@0', 1, body({ action: 'put', key: 'k', value: 1 }))])
    anew(replica)
    const set = body({ action: 'compareAndSet', key: 'k', version: 1, value: 2 })
    expect(outcomesOf(replica, [ask('a@0', 2, set)])).toMatchObject([{ result: { set: true } }])
  })
})

test('composed services each go on in their own way', () => {
  const replica = newReplica(knownService('kv+lock') as Service)
  const to = (service: string, command: object) => body({ service, command } as never)
  run(replica, [
    ask('a@0', 1, to('kv', { action: 'put', key: 'k', value: 1 })),
    ask('a@0', 2, to('lock', { action: 'lock', name: 'x' })),
  ])
  anew(replica)
  expect(
    outcomesOf(replica, [
      ask('b@0', 1, to('kv', { action: 'put', key: 'k', value: 2 })),
      ask('b@0', 2, to('lock', { action: 'lock', name: 'y' })),
    ]),
  ).toMatchObject([{ result: { version: lostNumbers + 2 } }, { result: { token: lostNumbers + 2 } }])
})

test('the states of all servers of the new cluster are equal', () => {
  const service = knownService('lock') as Service
  const replica = lockedBy('a@0')
  const [one, other] = [anew(replica, service), anew(replica, service)]
  expect(one.digest()).toBe(other.digest())
})
