import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inOrder, type JournalEvent, journalVersion, parseJournal } from '../../src/journal/journal-lines.ts'
import { JournalWriter } from '../../src/journal/journal-writer.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-journal-'))
  path = join(directory, 'r.ndjson')
})

afterEach(() => rm(directory, { recursive: true }))

function fail(error: Error): never {
  throw error
}

function line(clock: number, node = 0): JournalEvent {
  return { clock, nowMs: 0, node, event: { type: 'synced' }, roles: {} }
}

test('nothing is in the file before it is flushed, and everything after', async () => {
  const writer = new JournalWriter(path, fail)
  writer.record(line(1))
  writer.record(line(2))
  expect(await readFile(path, 'utf8')).toBe('')
  writer.flush()
  expect(parseJournal(await readFile(path, 'utf8'))).toEqual([line(1), line(2)])
  writer.record(line(3))
  writer.close()
  writer.close()
  expect(parseJournal(await readFile(path, 'utf8'))).toEqual([line(1), line(2), line(3)])
})

test('a journal is continued, without what was cut short', async () => {
  await writeFile(path, `${JSON.stringify(line(7))}\n{"clock":8,"no`)
  const writer = new JournalWriter(path, fail)
  expect(writer.lastClock).toBe(7)
  writer.record(line(8))
  writer.close()
  expect(parseJournal(await readFile(path, 'utf8'))).toEqual([line(7), line(8)])
})

test('a file that holds something else is left alone', async () => {
  await writeFile(path, 'a letter\n')
  expect(() => new JournalWriter(path, fail)).toThrow('line 1 is not JSON: a letter')
  expect(await readFile(path, 'utf8')).toBe('a letter\n')
})

test('a full disk ends the journal, and is reported once', () => {
  const failures: string[] = []
  const writer = new JournalWriter('/dev/full', ({ message }) => failures.push(message))
  for (const clock of [1, 2]) {
    writer.record(line(clock))
    writer.flush()
  }
  writer.close()
  expect(failures).toEqual([expect.stringContaining('ENOSPC')])
})

test('a journal of an earlier version is refused by name', async () => {
  const began = { version: journalVersion, clock: 0, node: 0, run: {} }
  const { version: _, ...earlier } = began
  const text = `${JSON.stringify(earlier)}\n`
  const refusal =
    /^line 1 begins a journal of version 1, and this version of paxos writes and replays version 3: /
  expect(() => parseJournal(text)).toThrow(refusal)
  await writeFile(path, text)
  expect(() => new JournalWriter(path, fail)).toThrow(refusal)
  expect(await readFile(path, 'utf8')).toBe(text)
  expect(() => parseJournal(`${JSON.stringify(began)}\n`)).toThrow('line 1 is not a line of a journal')
})

test.each([
  ['{"clock":1}', 'line 2 is not a line of a journal'],
  ['{"clock":1,"node":0,"event":{"type":"dance"},"roles":{}}', 'line 2 is not a line of a journal'],
  ['[]', 'line 2 is not a line of a journal'],
  ['{"kind":"gap"}', 'line 2 belongs to a recording of the inspector'],
  ['{', 'line 2 is not JSON'],
])('%s is no line of a journal', (text, message) => {
  expect(() => parseJournal(`${JSON.stringify(line(1))}\n${text}\n`)).toThrow(message)
})

test('lines of several servers are put in the order of their clocks, then of their servers', () => {
  expect(inOrder([line(2, 1), line(2, 0), line(1, 1), line(3, 0)])).toEqual([
    line(1, 1),
    line(2, 0),
    line(2, 1),
    line(3, 0),
  ])
})
