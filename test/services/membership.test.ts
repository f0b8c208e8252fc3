import { describe, expect, test } from 'vitest'
import type { MembershipChange } from '../../machines/batch.ts'
import { countedMembers, type Member, shownMembers } from '../../machines/members.ts'
import { lockService } from '../../src/services/lock.ts'
import { changeMembers } from '../../src/services/membership.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { execution, ran } from '../support/facts.ts'
import { ask, newReplica, restored, run, testSessions, threeMembers } from './driver.ts'

const add = (id: number, address: string): MembershipChange => ({ action: 'add', id, address })
const admit = (id: number, address: string, incarnation: string): MembershipChange => ({
  action: 'admit',
  id,
  address,
  incarnation,
})
/** What a server asks for itself. */
const join = (id: number, address: string, incarnation: string): MembershipChange => ({
  action: 'add',
  id,
  address,
  incarnation,
})
const remove = (id: number): MembershipChange => ({ action: 'remove', id })
const move = (addresses: Readonly<Record<number, string>>): MembershipChange => ({
  action: 'move',
  servers: Object.entries(addresses).map(([id, address]) => ({ id: Number(id), address })),
})
const change = (seq: number, of: MembershipChange) => ask('o@0', seq, { kind: 'members', change: of })

describe('a change of members', () => {
  test('add, then admit: counted only from then on', () => {
    const added = changeMembers(threeMembers, add(3, 'h:4'))
    expect(added).toEqual([...threeMembers, { id: 3, address: 'h:4', incarnation: null }])
    expect(countedMembers(added)).toEqual([0, 1, 2])
    const admitted = changeMembers(added, admit(3, 'h:4', 'disk'))
    expect(admitted).toEqual([...threeMembers, { id: 3, address: 'h:4', incarnation: 'disk' }])
  })

  test('admit without add; members stay in order of id', () => {
    const without1 = changeMembers(threeMembers, remove(1))
    expect(without1.map(({ id }) => id)).toEqual([0, 2])
    expect(changeMembers(without1, admit(1, 'h:9', 'new')).map(({ id }) => id)).toEqual([0, 1, 2])
  })

  test('add again, at another address, while it is not counted: the new address', () => {
    const added = changeMembers(threeMembers, add(3, 'h:4'))
    expect(changeMembers(added, add(3, 'h:5'))[3]).toEqual({ id: 3, address: 'h:5', incarnation: null })
  })

  describe('that a server asks for which joins', () => {
    const waiting = { id: 3, address: 'h:4', incarnation: null, joining: 'disk' }

    test('names its directory, which is not counted before it is admitted', () => {
      const added = changeMembers(threeMembers, join(3, 'h:4', 'disk'))
      expect(added).toEqual([...threeMembers, waiting])
      expect(countedMembers(added)).toEqual([0, 1, 2])
      expect(changeMembers(added, join(3, 'h:4', 'disk'))).toBe(added)
      const admitted = changeMembers(added, admit(3, 'h:4', 'disk'))
      expect(admitted).toEqual([...threeMembers, { id: 3, address: 'h:4', incarnation: 'disk' }])
      expect(changeMembers(admitted, join(3, 'h:4', 'disk')), 'it asks once more').toBe(admitted)
    })

    test('takes the place that an operator named, and only there', () => {
      const named = changeMembers(threeMembers, add(3, 'h:4'))
      expect(changeMembers(named, join(3, 'h:4', 'disk'))).toEqual([...threeMembers, waiting])
      expect(() => changeMembers(named, join(3, 'h:5', 'disk'))).toThrow(
        'server 3 was added at h:4, not at h:5: add it there, or remove it, before it joins',
      )
    })

    test('an operator that names it again changes nothing, and elsewhere has it ask anew', () => {
      const added = changeMembers(threeMembers, join(3, 'h:4', 'disk'))
      expect(changeMembers(added, add(3, 'h:4'))).toBe(added)
      expect(changeMembers(added, add(3, 'h:5'))[3]).toEqual({ id: 3, address: 'h:5', incarnation: null })
    })

    test('takes the place of one that lost its directory before it was counted', () => {
      const added = changeMembers(threeMembers, join(3, 'h:4', 'lost'))
      expect(changeMembers(added, join(3, 'h:4', 'disk'))).toEqual([...threeMembers, waiting])
      expect(() => changeMembers(added, join(3, 'h:5', 'disk'))).toThrow('was added at h:4')
    })

    test('is refused where another directory is counted, and at an address in use', () => {
      expect(() => changeMembers(threeMembers, join(1, '127.0.0.1:29368', 'disk'))).toThrow(
        'server 1 is counted already, at 127.0.0.1:29368, with another directory: remove it first, or use another id',
      )
      expect(() => changeMembers(threeMembers, join(3, '127.0.0.1:29368', 'disk'))).toThrow(
        'the address 127.0.0.1:29368 belongs to server 1',
      )
    })
  })

  test('an address is the same in every spelling, and kept in one', () => {
    const added = changeMembers(threeMembers, add(3, '[2001:DB8:0::1]:4'))
    expect(added[3]).toEqual({ id: 3, address: '[2001:db8::1]:4', incarnation: null })
    expect(changeMembers(added, add(3, '[2001:db8::0:1]:4'))).toBe(added)
    expect(() => changeMembers(added, add(4, '[2001:db8:0:0::1]:4'))).toThrow(
      'the address [2001:db8::1]:4 belongs to server 3',
    )
    expect(() => changeMembers(threeMembers, admit(3, '[::ffff:127.0.0.1]:29369', 'd'))).toThrow(
      'the address 127.0.0.1:29369 belongs to server 2',
    )
  })

  test.each([
    ['admitting the same again', admit(1, '127.0.0.1:29368', 'founder-1'), threeMembers],
    ['adding the same again', add(3, 'h:4'), [...threeMembers, { id: 3, address: 'h:4', incarnation: null }]],
  ])('%s changes nothing', (_, repeated, members: readonly Member[]) => {
    expect(changeMembers(members, repeated)).toBe(members)
  })

  test.each([
    [
      'adding one that is counted',
      add(1, 'h:4'),
      'server 1 is counted already, at 127.0.0.1:29368: remove it first, or use another id',
    ],
    [
      'admitting one that is counted, with another disk',
      admit(1, '127.0.0.1:29368', 'other'),
      'is counted already, at 127.0.0.1:29368, with another directory: remove it first',
    ],
    [
      'adding at an address in use',
      add(3, '127.0.0.1:29369'),
      'the address 127.0.0.1:29369 belongs to server 2: remove that one, or use another address',
    ],
    ['admitting at an address in use', admit(3, '127.0.0.1:29369', 'd'), 'belongs to server 2'],
    ['removing one that is no member', remove(7), 'server 7 is not a member: the members are 0, 1, 2'],
  ])('%s fails', (_, wrong, error) => {
    expect(() => changeMembers(threeMembers, wrong)).toThrow(error)
  })

  describe('a move', () => {
    const [first, second, third] = threeMembers as [Member, Member, Member]
    const waiting = { id: 3, address: 'h:4', incarnation: null, joining: 'disk' }

    test('keeps ids and directories, so the same votes count', () => {
      const members = [...threeMembers, waiting]
      expect(changeMembers(members, move({ 1: 'h:9', 3: 'h:10' }))).toEqual([
        first,
        { ...second, address: 'h:9' },
        third,
        { ...waiting, address: 'h:10' },
      ])
    })

    test('of several is one change: they may exchange addresses', () => {
      const exchanged = changeMembers(threeMembers, move({ 0: second.address, 1: first.address }))
      expect(exchanged).toEqual([
        { ...first, address: second.address },
        { ...second, address: first.address },
        third,
      ])
    })

    test('to where they are, in another spelling, changes nothing', () => {
      expect(changeMembers(threeMembers, move({ 0: '[::ffff:127.0.0.1]:29367' }))).toBe(threeMembers)
    })

    test.each([
      [move({ 7: 'h:9' }), 'server 7 is not a member: the members are 0, 1, 2'],
      [
        move({ 0: second.address }),
        `the address ${second.address} belongs to server 1: move that one in the same change, or use another address`,
      ],
      [
        move({ 2: first.address }),
        `the address ${first.address} belongs to server 0: move that one in the same change, or use another address`,
      ],
      [
        move({ 0: third.address, 1: 'h:9' }),
        `the address ${third.address} belongs to server 2: move that one in the same change, or use another address`,
      ],
      [move({ 0: 'h:9', 1: 'h:9' }), 'servers 0 and 1 cannot both move to h:9: give each its own address'],
      [
        { action: 'move', servers: [0, 1].map((port) => ({ id: 2, address: `h:${port + 1}` })) } as const,
        'server 2 is moved twice: give it one address',
      ],
    ])('is refused whole where one is not possible: %j', (wrong, error) => {
      expect(() => changeMembers(threeMembers, wrong)).toThrow(error)
    })
  })

  test('a cluster has at most 31 servers; one that waits to be counted can be counted, or go elsewhere', () => {
    let members = threeMembers
    for (let id = 3; id < 31; id += 1) members = changeMembers(members, add(id, `h:${id}`))
    for (const beyond of [add(31, 'h:31'), join(31, 'h:31', 'disk'), admit(31, 'h:31', 'disk')]) {
      expect(() => changeMembers(members, beyond)).toThrow('a cluster has at most 31 servers')
    }
    expect(changeMembers(members, add(30, 'h:99'))).toHaveLength(31)
    expect(changeMembers(members, admit(30, 'h:30', 'disk'))[30]).toMatchObject({ incarnation: 'disk' })
    expect(changeMembers(changeMembers(members, remove(0)), add(31, 'h:31'))).toHaveLength(31)
  })

  test('the last that is counted cannot be removed, though another has been added', () => {
    const alone = changeMembers([threeMembers[0]!], add(1, 'h:4'))
    expect(() => changeMembers(alone, remove(0))).toThrow('server 0 is the last counted server')
    expect(changeMembers(alone, remove(1))).toEqual([threeMembers[0]])
  })
})

describe('chosen', () => {
  test('the members are told, as result and to the roles', () => {
    const replica = newReplica()
    const executedNow = run(replica, [change(1, add(3, 'h:4'))])
    const members = [...threeMembers, { id: 3, address: 'h:4', incarnation: null }]
    const result = { members: shownMembers(members).map((member) => ({ ...member })) }
    expect(JSON.stringify(result), 'clients see no incarnation').not.toContain('founder')
    const outcomes = [ran({ uid: 'o@0', seq: 1 }, 0, 0, result)]
    expect(executedNow).toEqual(execution(0, outcomes, { concerned: [0], members }))
    expect(replica.members).toEqual(members)
  })

  test('what changes nothing is executed, and no members are told', () => {
    const replica = newReplica()
    expect(run(replica, [change(1, admit(1, '127.0.0.1:29368', 'founder-1'))])).toMatchObject({
      outcomes: [{ outcome: { kind: 'executed', result: { members: shownMembers(threeMembers) } } }],
      members: null,
    })
  })

  test('two in one batch: one after the other; one that fails does not spoil the other', () => {
    const replica = newReplica()
    const execution = run(replica, [change(1, remove(0)), change(2, remove(0)), change(3, remove(1))])
    expect(execution.outcomes.map(({ outcome }) => outcome.kind)).toEqual(['executed', 'failed', 'executed'])
    expect(execution.members).toEqual([threeMembers[2]])
  })

  test('chosen again: executed once', () => {
    const replica = newReplica()
    run(replica, [change(1, remove(0))])
    expect(run(replica, [change(1, remove(0))])).toMatchObject({
      outcomes: [{ outcome: { kind: 'executed', instance: 0 } }],
      members: null,
    })
  })

  test('the members are in the snapshot', () => {
    const replica = newReplica()
    run(replica, [change(1, add(3, 'h:4')), change(2, join(4, 'h:5', 'disk'))])
    expect(restored(replica).members).toEqual(replica.members)
  })

  test('the order in which they were configured does not matter', () => {
    const reversed = new Replica({
      service: lockService as Service,
      members: [...threeMembers].reverse(),
      sessions: testSessions,
    })
    expect(reversed.digest()).toBe(newReplica().digest())
  })
})
