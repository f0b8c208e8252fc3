import { expect, test } from 'vitest'
import { playgroundKey } from '../../../inspector/playground/keys.ts'

const none = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false }
const field = { tag: 'INPUT', type: 'text', isEditable: false }
const button = { tag: 'BUTTON', type: '', isEditable: false }

test('a key does its work, but not while somebody types, and not with another held', () => {
  expect(playgroundKey({ ...none, key: 'n' }, null)).toBe('next')
  expect(playgroundKey({ ...none, key: 'U', shiftKey: true }, button)).toBe('undo')
  expect(playgroundKey({ ...none, key: 'r' }, button)).toBe('run')
  expect(playgroundKey({ ...none, key: 'n' }, field)).toBeNull()
  expect(playgroundKey({ ...none, key: 'n', ctrlKey: true }, null)).toBeNull()
  expect(playgroundKey({ ...none, key: 'x' }, null)).toBeNull()
})
