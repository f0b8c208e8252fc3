/** Who is told the founders, and where. */
import { describe, expect, test } from 'vitest'
import type { Member } from '../../machines/members.ts'
import { answerToJoin } from '../../src/node/joining.ts'
import { changeMembers } from '../../src/services/membership.ts'

const founders: readonly Member[] = [0, 1].map((id) => ({
  id,
  address: `h:${id + 1}`,
  incarnation: `founder-${id}`,
}))
const self = { incarnation: 'founder-0', members: founders }
const source = 'stranger:1'

const waiting = changeMembers(founders, { action: 'add', id: 2, address: 'h:3', incarnation: 'disk' })
const counted = changeMembers(waiting, { action: 'admit', id: 2, address: 'h:3', incarnation: 'disk' })
const named = changeMembers(founders, { action: 'add', id: 2, address: 'h:3' })

describe('the founders are told to a directory that the cluster agreed to, at the address that it agreed to', () => {
  const message = { type: 'invitation', to: 'disk', incarnation: 'founder-0', founders }

  test.each([
    ['that waits to be counted', waiting],
    ['that is counted, and does not know it yet', counted],
  ])('%s', (_, members) => {
    expect(answerToJoin({ id: 2, asking: 'disk', source }, members, self)).toEqual({ message, to: 'h:3' })
  })
})

describe('no incarnation is told', () => {
  test.each([
    ['a server that is no member', founders, 2, 'disk', 'member'],
    ['the name of one that joins', waiting, 2, 'made up', 'incarnation'],
    ['the name of one that was only named', named, 2, 'made up', 'incarnation'],
    ['the name of a founder', waiting, 1, 'disk', 'incarnation'],
    ['a directory under another id', waiting, 3, 'disk', 'member'],
  ] as const)('to %s', (_, members, id, asking, missing) => {
    const answer = answerToJoin({ id, asking, source }, members, self)
    expect(answer).toEqual({ message: { type: 'notInvited', to: asking, missing }, to: source })
  })
})
