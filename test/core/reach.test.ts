/** Who is heard, and where a message goes that is meant for one directory. */
import { describe, expect, test } from 'vitest'
import type { Member } from '../../machines/members.ts'
import { addressOf, isHeard } from '../../src/core/reach.ts'
import { member } from '../support/role.ts'

const members: readonly Member[] = [member(0), member(1), member(3, null)]
const self = 'founder-0'

describe('who is heard', () => {
  test.each([
    ['a member, by its directory', 1, 'founder-1', null, true],
    ['a member that means another directory of this server', 1, 'founder-1', 'old', true],
    ['a server that names the directory of this one', 7, 'new', self, true],
    ['another directory under the id of a member, which names that of this one', 1, 'new', self, true],
    ['the id of a member with another directory', 1, 'forged', null, false],
    ['the id of a member that is not counted yet', 3, 'forged', null, false],
    ['a server that is no member', 7, 'founder-1', 'old', false],
  ])('%s', (_, sender, incarnation, addressee, heard) => {
    expect(isHeard(sender, { incarnation, addressee }, members, self)).toBe(heard)
  })
})

describe('where a message goes', () => {
  const agreed = member(1).address
  const elsewhere = { address: '10.0.0.9:1', incarnation: 'old' }

  test('to a member at the address that was agreed, wherever another directory speaks from', () => {
    expect(addressOf(1, 'founder-1', members, elsewhere)).toBe(agreed)
    expect(addressOf(1, null, members, elsewhere)).toBe(agreed)
  })

  test('to another directory under its id where that one spoke from', () => {
    expect(addressOf(1, 'old', members, elsewhere)).toBe(elsewhere.address)
    expect(addressOf(1, 'older', members, elsewhere)).toBeUndefined()
    expect(addressOf(1, 'old', members, undefined)).toBeUndefined()
  })

  test('to a server that is no member where it spoke from last', () => {
    expect(addressOf(7, 'old', members, elsewhere)).toBe(elsewhere.address)
    expect(addressOf(7, null, members, elsewhere)).toBe(elsewhere.address)
    expect(addressOf(7, null, members, undefined)).toBeUndefined()
  })
})
