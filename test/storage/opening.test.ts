import { describe, expect, it } from 'vitest'
import { StartError } from '../../src/core/start-error.ts'
import { blockBytes } from '../../src/storage/log/layout.ts'
import { logRules } from '../../src/storage/log/read-log.ts'
import { LogStore } from '../../src/storage/log-store.ts'
import { usualStoreParts } from '../../src/storage/store-parts.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MemoryFiles } from '../support/memory-files.ts'
import { accepting, ballot, identity, learning, record } from './fixtures.ts'
import { OpenedStore } from './opened-store.ts'
import { ended, settled } from './settled.ts'

describe('an opening', () => {
  it('writes the promise and the accepted records again, and everything behind head', () => {
    const on = new OpenedStore()
    on.request(accepting(3, record(0, 3, 'a'), record(1, 3, 'b')))
    on.request(learning(0, 'a'))
    on.clock.advance(100)
    on.request(accepting(4, record(2, 4, 'c')))
    on.request(learning(1, 'b'))
    on.request(accepting(5))
    const next = on.startedAnew()
    expect(next.groups.at(-1)).toEqual([
      ...['promise', 'accepted'],
      ...['promise', 'accepted'],
      ...['chosenAsAccepted', 'promise'],
    ])
  })
})

const segment = 'log/00000001.log'

/** A store whose segments all have the same salt, with a group for each of the promises. */
function storeOf(...rounds: readonly number[]): MemoryFiles {
  const files = new MemoryFiles()
  const clock = new ManualClock()
  const store = new LogStore({ files, directory: 'd', after: clock.after, salt: () => 7 })
  ended(store.open())
  ended(store.initialise(identity))
  for (const round of rounds) store.persist(accepting(round), () => undefined)
  ended(store.close())
  return files
}

describe('a group with the right number, place and salt, but another predecessor', () => {
  const contents = new Map(storeOf(1, 5, 6).contents)
  const other = storeOf(2, 5, 6).contents.get(segment)!
  const bytes = contents.get(segment)!.slice()
  // The header and two groups come before the group of promise 5.
  bytes.set(other.subarray(3 * blockBytes, 4 * blockBytes), 3 * blockBytes)
  contents.set(segment, bytes)

  const opened = (rules = logRules) => {
    const files = new MemoryFiles(contents)
    const clock = new ManualClock()
    const parts = { ...usualStoreParts, rules }
    return settled(new LogStore({ files, directory: 'd', after: clock.after, salt: () => 8, parts }).open())
  }

  it('is damage', () => {
    const how = opened()
    const { message } = how.status === 'failed' ? how.error : new Error('it opened')
    expect(message).toContain('group 3 does not continue group 2: its checksum differs')
    expect(message).toContain(`${segment}, at byte ${3 * blockBytes}`)
  })

  it('would pass if groups were not chained', () => {
    const how = opened({
      ...logRules,
      whyNotNext: (before, { group }) => (group === before.group + 1 ? null : 'another number'),
    })
    expect(how).toMatchObject({ status: 'ended', result: { promised: ballot(6) } })
  })
})

describe('a segment that is cut within the zeros that fill its last synced block', () => {
  it('is damage: what followed was synced, too', () => {
    const files = storeOf(1)
    const contents = new Map(files.contents)
    const whole = contents.get(segment)!
    contents.set(segment, whole.slice(0, 3 * blockBytes - 100))
    const clock = new ManualClock()
    const store = new LogStore({
      files: new MemoryFiles(contents),
      directory: 'd',
      after: clock.after,
      salt: () => 8,
    })
    const how = settled(store.open())
    expect(how.status === 'failed' ? how.error.message : 'it opened').toContain(
      `${segment}, at byte ${3 * blockBytes - 100}: the file ends there, but it was synced up to byte ${3 * blockBytes}`,
    )
  })
})

describe('two processes that use one log', () => {
  it('are noticed at the next start, when one lacks what the other has stored', () => {
    const files = new MemoryFiles()
    const open = () => {
      const clock = new ManualClock()
      const store = new LogStore({ files, directory: 'd', after: clock.after, salt: () => 9 })
      return { store, opened: settled(store.open()) }
    }
    const one = open().store
    ended(one.initialise(identity))
    const acknowledged: unknown[] = []
    const other = open()
    expect(other.opened.status).toBe('ended')
    one.persist(accepting(7), (error) => acknowledged.push(error))
    expect(acknowledged).toEqual([null])
    other.store.persist(accepting(3), () => undefined)
    const { opened } = open()
    expect(opened.status === 'failed' ? opened.error.message : 'it opened').toMatch(
      /log\/00000001\.log, at byte 8192: .* two processes used the directory at once/,
    )
  })
})

it('calls the check of the owner before it writes', () => {
  const files = storeOf(1)
  const before = files.contents
  const clock = new ManualClock()
  const store = new LogStore({ files, directory: 'd', after: clock.after, salt: () => 9 })
  const how = settled(
    store.open(() => {
      throw new StartError('another server')
    }),
  )
  expect(how).toMatchObject({ status: 'failed', error: { message: 'another server' } })
  expect(files.contents).toEqual(before)
})

it('goes on after a file with a name of more than eight digits', () => {
  const contents = new Map(storeOf(4).contents)
  contents.set('log/99999999.log', new Uint8Array(0))
  let files = new MemoryFiles(contents)
  for (let start = 0; start < 3; start += 1) {
    const clock = new ManualClock()
    const store = new LogStore({ files, directory: 'd', after: clock.after, salt: () => 9 + start })
    expect(ended(store.open()).promised).toEqual(ballot(4))
    ended(store.close())
    files = new MemoryFiles(files.contents)
  }
  expect([...files.contents.keys()]).toContain('log/100000002.log')
})
