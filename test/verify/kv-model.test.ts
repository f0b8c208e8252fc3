/** What clients see of several keys of the key-value store, and what no order of their commands explains. */
import { expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import type { Operation } from '../../src/verify/history.ts'
import { kvModel, kvStoreModel } from '../../src/verify/kv-model.ts'
import { searchLinearization } from '../../src/verify/search.ts'
import { checkWitness } from '../../src/verify/witness.ts'
import { op, unanswered } from '../support/histories.ts'

const entry = (key: string, version: number, value: Json = 1) => ({ key, value, version })
const put = (key: string) => ({ action: 'put', key, value: 1 })
const listed = (version: number, next: string | null, ...entries: Json[]) => ({ entries, next, version })
const watched = (version: number, ...changes: Json[]) => ({ changes, version, missed: false })
const list = { action: 'list', prefix: 'a' }
const watch = { action: 'watch', prefix: 'a', after: 1 }

/** Each command is called when the one before it was answered. A command without a result has no answer. */
function oneAfterAnother(...calls: readonly (readonly [command: Json, result?: Json])[]): Operation[] {
  return calls.map(([command, result], place) =>
    result === undefined
      ? unanswered(`c${place}`, command, 3 * place, place)
      : op(`c${place}`, command, [3 * place, 3 * place + 1], result, place),
  )
}

/** `a1` has the version 1, `b1` 2, `a2` 3; `a1` was deleted at 4. */
const calls = [
  [put('a1'), { version: 1 }],
  [put('b1'), { version: 2 }],
  [put('a2'), { version: 3 }],
  [{ action: 'delete', key: 'a1' }, { deleted: true }],
] as const

const deleted = { key: 'a1', version: 4, deleted: true }

test.each<[string, [command: Json, result: Json]]>([
  ['a list', [list, listed(4, null, entry('a2', 3))]],
  ['a list of nothing', [{ ...list, prefix: 'c' }, listed(4, null)]],
  ['a list that is cut short', [{ action: 'list', prefix: '', limit: 1 }, listed(4, 'a2', entry('a2', 3))]],
  ['a list after a key', [{ action: 'list', prefix: '', after: 'a2' }, listed(4, null, entry('b1', 2))]],
  ['a watch', [watch, watched(4, entry('a2', 3), deleted)]],
  ['a watch that is cut short', [watch, watched(3, entry('a2', 3))]],
  ['a watch that missed changes', [watch, { changes: [], version: 4, missed: true }]],
])('%s', (_, last) => {
  const operations = oneAfterAnother(...calls, last)
  expect(checkWitness(operations, kvStoreModel)).toBe(null)
  expect(searchLinearization(operations, kvStoreModel)).toBe(null)
})

test.each<[string, [command: Json, result: Json]]>([
  ['a list without a key that has a value', [list, listed(4, null)]],
  ['a list with a key that has none', [list, listed(4, null, entry('a1', 1), entry('a2', 3))]],
  ['a list with an old value', [list, listed(4, null, entry('a2', 3, 2))]],
  ['a list in another order', [{ ...list, prefix: '' }, listed(4, null, entry('b1', 2), entry('a2', 3))]],
  ['a list with a key outside of it', [{ ...list, prefix: 'c' }, listed(4, null, entry('a2', 3))]],
  [
    'a list above its limit',
    [{ ...list, prefix: '', limit: 1 }, listed(4, null, entry('a2', 3), entry('b1', 2))],
  ],
  [
    'a list that goes on behind a key that it skipped',
    [{ ...list, prefix: '' }, listed(4, 'b1', entry('b1', 2))],
  ],
  ['a list that goes on elsewhere than it ended', [list, listed(4, 'a3', entry('a2', 3))]],
  ['a list at a version before that of a key', [list, listed(2, null, entry('a2', 3))]],
  ['a watch without a change', [watch, watched(4, deleted)]],
  ['a watch of a change that it had seen', [{ ...watch, after: 3 }, watched(4, entry('a2', 3), deleted)]],
  ['a watch in another order', [watch, watched(4, deleted, entry('a2', 3))]],
  ['a watch of a key outside of it', [watch, watched(4, entry('b1', 2), entry('a2', 3))]],
  [
    'a watch that shows a key with a value as deleted',
    [watch, watched(5, { ...deleted, key: 'a2', version: 5 })],
  ],
  ['a version that another key had before', [put('b2'), { version: 3 }]],
])('%s is not explained', (_, last) => {
  const operations = oneAfterAnother(...calls, last)
  expect(checkWitness(operations, kvStoreModel)?.operation.command).toBe(last[0])
  expect(searchLinearization(operations, kvStoreModel)?.operation.command).toBe(last[0])
  expect(checkWitness(operations, kvModel)).toBe(null)
})

test('a list shows whether a put without an answer took effect', () => {
  const lost = [put('a1')] as const
  const later = [list, listed(1, null, entry('a1', 1))] as const
  expect(searchLinearization(oneAfterAnother(lost, later), kvStoreModel)).toBe(null)
  expect(searchLinearization(oneAfterAnother(lost, [list, listed(0, null)]), kvStoreModel)).toBe(null)
  expect(searchLinearization(oneAfterAnother(lost, later, [list, listed(1, null)]), kvStoreModel)).not.toBe(
    null,
  )
})
