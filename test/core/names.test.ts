import { expect, test } from 'vitest'
import { isPublicId, openedAtInstance, publicId, uidOpenedAt } from '../../src/core/names.ts'
import { isMessage } from '../../src/wire/schema.ts'

/** Whether a server accepts the id in a request that ends the session. */
function isAccepted(session: string): boolean {
  const command = { kind: 'end', session }
  return isMessage({ type: 'request', uid: 'a', ackedBelow: 0, requests: [{ seq: 1, command }] })
}

test('the public id of a session has one form', () => {
  const longest = { instance: 2 ** 52, index: 2 ** 52 }
  const uid = uidOpenedAt('a', longest)
  expect(isPublicId(publicId(uid))).toBe(true)
  expect(isAccepted(publicId(uid))).toBe(true)
  expect(openedAtInstance(uid)).toBe(longest.instance)
  for (const id of ['12', '12.', 'a.0', '12.0 ', '-1.0', `${10 ** 16}.0`]) {
    expect([id, isPublicId(id), isAccepted(id), openedAtInstance(`a@${id}`)]).toEqual([
      id,
      false,
      false,
      null,
    ])
  }
})
