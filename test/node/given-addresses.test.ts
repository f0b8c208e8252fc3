import { expect, test } from 'vitest'
import { foundingMembers } from '../../machines/members.ts'
import { GivenAddresses } from '../../src/node/given-addresses.ts'

const [first, second] = foundingMembers([
  { id: 0, address: 'old:1' },
  { id: 1, address: 'old:2' },
])
const members = [first!, second!]
const moved = (address: string) => [first!, { ...second!, address }]

test('without any, the members are where they agreed', () => {
  const none = new GivenAddresses()
  expect(none.placed(members)).toBe(members)
  expect(none.differing(members)).toEqual([])
})

test('a server is reached at its given address, under its directory; another one where it was', () => {
  const given = new GivenAddresses([{ id: 1, address: 'new:2' }])
  expect(given.placed(members)).toEqual(moved('new:2'))
  expect(given.rules.addressOf(1, null, members, undefined)).toBe('new:2')
  expect(given.rules.addressOf(1, 'founder-1', members, undefined)).toBe('new:2')
  expect(given.rules.addressOf(0, null, members, undefined)).toBe('old:1')
  expect(given.differing(members)).toEqual([{ agreed: 'old:2', given: { id: 1, address: 'new:2' } }])
})

test('another directory under its id is still answered where it is', () => {
  const given = new GivenAddresses([{ id: 1, address: 'new:2' }])
  const last = { address: 'else:1', incarnation: 'other' }
  expect(given.rules.addressOf(1, 'other', members, last)).toBe('else:1')
})

test('when the members agree, a later change of them counts', () => {
  const given = new GivenAddresses([{ id: 1, address: 'new:2' }])
  expect(given.placed(moved('between:2')), 'a change from before the start').toEqual(moved('new:2'))
  expect(given.placed(moved('new:2'))).toEqual(moved('new:2'))
  expect(given.placed(moved('later:2'))).toEqual(moved('later:2'))
  expect(given.differing(moved('later:2'))).toEqual([])
})

test('the address of a server that is no member is kept until it is one', () => {
  const given = new GivenAddresses([{ id: 1, address: 'new:2' }])
  expect(given.placed([first!])).toEqual([first])
  expect(given.differing([first!])).toEqual([])
  expect(given.placed(members)).toEqual(moved('new:2'))
})
