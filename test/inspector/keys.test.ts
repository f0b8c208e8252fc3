import { describe, expect, test } from 'vitest'
import { type Focused, keyCommand } from '../../inspector/model/keys.ts'

const plain = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false }
const press = (key: string, focused: Focused | null = null, more: Partial<typeof plain> = {}) =>
  keyCommand({ ...plain, key, ...more }, focused)
const on = (tag: string, type = '', isEditable = false): Focused => ({ tag, type, isEditable })

describe('keys', () => {
  test('play, step, and go to the ends', () => {
    expect(press(' ')).toEqual({ type: 'play or pause' })
    expect(press('ArrowRight')).toEqual({ type: 'step', records: 1 })
    expect(press('ArrowLeft')).toEqual({ type: 'step', records: -1 })
    expect(press('ArrowLeft', null, { shiftKey: true })).toEqual({ type: 'step', records: -10 })
    expect(press('Home')).toEqual({ type: 'first' })
    expect(press('End')).toEqual({ type: 'live' })
    expect(press('?', null, { shiftKey: true })).toEqual({ type: 'help' })
    expect(press('x')).toBeNull()
  })

  test.each([
    on('INPUT', 'text'),
    on('INPUT', 'number'),
    on('TEXTAREA'),
    on('SELECT'),
    on('DIV', '', true),
  ])('are left to what is typed in: %o', (focused) => {
    for (const key of [' ', 'ArrowRight', 'Home', 'End', '?']) expect(press(key, focused)).toBeNull()
  })

  test('the space bar presses the button that has the focus, and nothing else', () => {
    expect(press(' ', on('BUTTON', 'button'))).toBeNull()
    expect(press(' ', on('INPUT', 'checkbox'))).toBeNull()
    expect(press('ArrowRight', on('BUTTON', 'button'))).toEqual({ type: 'step', records: 1 })
  })

  test('the scrubber moves by its own arrows', () => {
    expect(press('ArrowRight', on('INPUT', 'range'))).toBeNull()
    expect(press(' ', on('INPUT', 'range'))).toEqual({ type: 'play or pause' })
  })

  test('of the browser stay the browser’s', () => {
    for (const more of [{ ctrlKey: true }, { altKey: true }, { metaKey: true }]) {
      expect(press('ArrowLeft', null, more)).toBeNull()
    }
  })
})
