import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Troubles } from '../../src/node/troubles.ts'

function troubled() {
  const lines: (readonly [Readonly<Record<string, number>>, string])[] = []
  return { lines, troubles: new Troubles((since, latest) => lines.push([since, latest])) }
}

const refused = Object.assign(new Error('send ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

describe('what goes wrong with datagrams', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it('is counted by what it was', () => {
    const { troubles } = troubled()
    troubles.count('send', refused)
    troubles.count('send', refused)
    troubles.count('receive', new RangeError('no address'))
    troubles.count('receive', 'text')
    troubles.count('receive', undefined)
    expect(troubles.counts).toEqual({ 'send ECONNREFUSED': 2, 'receive RangeError': 1, 'receive error': 2 })
  })

  it('is logged at once, and then at most once a minute with how often it was in between', () => {
    const { troubles, lines } = troubled()
    for (let count = 0; count < 1_000; count += 1) troubles.count('send', refused)
    expect(lines).toEqual([[{ 'send ECONNREFUSED': 1 }, refused.message]])
    vi.advanceTimersByTime(59_999)
    expect(lines).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(lines[1]).toEqual([{ 'send ECONNREFUSED': 999 }, refused.message])
    vi.advanceTimersByTime(600_000)
    expect(lines).toHaveLength(2)
    troubles.count('socket', new Error('gone'))
    expect(lines[2]).toEqual([{ 'socket Error': 1 }, 'gone'])
  })

  it('takes bounded memory, however many kinds there are', () => {
    const { troubles } = troubled()
    for (let kind = 0; kind < 1_000; kind += 1) troubles.count('send', { code: `E${kind}`, message: '' })
    expect(Object.keys(troubles.counts)).toHaveLength(65)
    expect(troubles.counts.other).toBe(936)
  })

  it('is not logged any more once it is closed', () => {
    const { troubles, lines } = troubled()
    troubles.count('send', refused)
    troubles.count('send', refused)
    troubles.close()
    troubles.count('send', refused)
    vi.advanceTimersByTime(120_000)
    expect(lines).toHaveLength(1)
    expect(troubles.counts).toEqual({ 'send ECONNREFUSED': 3 })
  })
})
